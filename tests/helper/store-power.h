/* store-power.h: what a disk may hold when the power goes (for store-crash-shim): of each file the content at its last
 * fsync, and for each page that was written since, any version that it has had. */
#ifndef STORE_POWER_H
#define STORE_POWER_H

#include <stdlib.h>
#include <sys/stat.h>

enum { POWER_PAGE = 4096, POWER_FILES = 32 };

struct power_page {
    struct power_page *next;
    off_t at;
    int n; /* versions, the synced one first */
    char (*v)[POWER_PAGE];
};

static struct power_file {
    ino_t inode;
    int fd; /* of our own, for reading and writing */
    off_t synced_size;
    struct power_page *pages;
} power_files[POWER_FILES];

static int power_n;

static struct power_file *power_file_of(int fd)
{
    struct stat st;
    char path[64];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    for (int i = 0; i < power_n; i++)
        if (power_files[i].inode == st.st_ino)
            return &power_files[i];
    struct power_file *f = &power_files[power_n < POWER_FILES ? power_n++ : POWER_FILES - 1];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *f = (struct power_file){
        .inode = st.st_ino, .fd = open(path, O_RDWR | O_CLOEXEC), .synced_size = st.st_size};
    return f;
}

static void power_add_version(struct power_file *f, struct power_page *page)
{
    page->v = realloc(page->v, (size_t)(page->n + 1) * POWER_PAGE);
    memset(page->v[page->n], 0, POWER_PAGE);
    if (pread(f->fd, page->v[page->n], POWER_PAGE, page->at) >= 0)
        page->n++;
}

static struct power_page *power_page_at(struct power_file *f, off_t at)
{
    struct power_page *page = f->pages;
    while (page && page->at != at)
        page = page->next;
    return page;
}

static void power_before(int fd, off_t at, size_t n)
{
    struct power_file *f = power_file_of(fd);
    for (off_t p = at / POWER_PAGE * POWER_PAGE; f && p < at + (off_t)n; p += POWER_PAGE) {
        if (power_page_at(f, p))
            continue;
        struct power_page *page = calloc(1, sizeof *page);
        page->at = p;
        page->next = f->pages;
        f->pages = page;
        power_add_version(f, page);
    }
}

static void power_after(int fd, off_t at, size_t n)
{
    struct power_file *f = power_file_of(fd);
    for (off_t p = at / POWER_PAGE * POWER_PAGE; f && p < at + (off_t)n; p += POWER_PAGE)
        power_add_version(f, power_page_at(f, p));
}

static void power_synced(int fd)
{
    struct stat st;
    struct power_file *f = power_file_of(fd);
    if (!f || fstat(fd, &st) != 0)
        return;
    f->synced_size = st.st_size;
    while (f->pages) {
        struct power_page *page = f->pages;
        f->pages = page->next;
        free(page->v);
        free(page);
    }
}

static void power_goes(unsigned seed)
{
    srandom(seed);
    for (struct power_file *f = power_files; f < power_files + power_n; f++) {
        struct stat st;
        if (!f->pages || fstat(f->fd, &st) != 0)
            continue;
        for (struct power_page *page = f->pages; page; page = page->next)
            if (syscall(SYS_pwrite64, f->fd, page->v[random() % page->n], POWER_PAGE, page->at) < 0)
                abort();
        off_t low = f->synced_size, more = st.st_size - low;
        off_t size = random() % 3 == 0 ? low
                     : random() % 2    ? st.st_size
                                       : low + (more > 0 ? random() % more : 0);
        if (syscall(SYS_ftruncate, f->fd, size) != 0)
            abort();
    }
}

#endif
