/* store-power.h: what a disk may hold when the power goes (for store-crash-shim): of each file the content at its last
 * fsync, and for each page that was written since, any version that it has had. */
#ifndef STORE_POWER_H
#define STORE_POWER_H

#include <dirent.h>
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

static off_t power_size(const struct power_file *f, off_t now)
{
    off_t more = now - f->synced_size;
    if (random() % 3 == 0)
        return f->synced_size;
    return random() % 2 || more <= 0 ? now : f->synced_size + random() % more;
}

/* Makes one of the possible contents of f in fd, which has the present one. */
static void power_apply(const struct power_file *f, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        abort();
    for (const struct power_page *page = f->pages; page; page = page->next)
        if (syscall(SYS_pwrite64, fd, page->v[random() % page->n], POWER_PAGE, page->at) < 0)
            abort();
    if (f->pages && syscall(SYS_ftruncate, fd, power_size(f, st.st_size)) != 0)
        abort();
}

static void power_copy_file(int from_dir, int to_dir, const char *name)
{
    static char block[1 << 16];
    struct stat st;
    ssize_t n;
    int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
    int to = openat(to_dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (from < 0 || to < 0 || fstat(from, &st) != 0)
        abort();
    while ((n = read(from, block, sizeof block)) > 0)
        if (syscall(SYS_write, to, block, (size_t)n) != n)
            abort();
    for (int i = 0; i < power_n; i++)
        if (power_files[i].inode == st.st_ino)
            power_apply(&power_files[i], to);
    close(from);
    close(to);
}

/* A copy of the folder, as it may be. */
static void power_image(const char *from, const char *to)
{
    DIR *d = opendir(from);
    struct dirent *e;
    if (!d || mkdir(to, 0700) != 0)
        abort();
    int to_dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            power_copy_file(dirfd(d), to_dir, e->d_name);
    close(to_dir);
    closedir(d);
}

/* With $STORE_SHIM_IMAGES so many images, in folders of it that are named 1, 2, …; else the folder itself becomes the one
 * with this seed. */
static void power_goes(unsigned seeds)
{
    char path[4096];
    const char *images = getenv("STORE_SHIM_IMAGES"), *dir = getenv("CONN_DIR");
    for (unsigned seed = 1; images && dir && seed <= seeds; seed++) {
        srandom(seed);
        snprintf(path, sizeof path, "%s/%u", images, seed);
        power_image(dir, path);
    }
    srandom(seeds);
    for (int i = 0; !images && i < power_n; i++)
        power_apply(&power_files[i], power_files[i].fd);
}

#endif
