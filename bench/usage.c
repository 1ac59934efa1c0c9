/* usage: what processes and all that descend from them have used so far.
 *
 *   usage [-m] PID...
 *
 * stdout: an object a process, {"pid","parent","name","cpu_us","user_ms","system_ms","children_ms","rss_peak_kb"} and with -m also
 * {"rss_kb","pss_kb","private_kb"} (a null where the kernel does not show them), then their sums as {"total":{…},
 * "processes":N}. cpu_us is the process's CPU clock, all threads included; user_ms and system_ms are the kernel's ticks;
 * children_ms is what ended descendants used that were waited for, and counts in the sum of cpu_us.
 *
 * Exit: 0, 1 a PID is not there, 100 bad usage. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum { PROCESSES_MAX = 4096, STATUS_BYTES = 64 * 1024 };

struct process {
    pid_t pid, parent;
    bool wanted;
};

enum figure { CPU_US, USER_MS, SYSTEM_MS, CHILDREN_MS, RSS_PEAK_KB, RSS_KB, PSS_KB, PRIVATE_KB, FIGURES };
static const char *const names[FIGURES] = {"cpu_us",      "user_ms", "system_ms", "children_ms",
                                           "rss_peak_kb", "rss_kb",  "pss_kb",    "private_kb"};
enum { MISSING = -1 };

struct figures {
    int64_t v[FIGURES];
};

static bool with_memory;
static struct process processes[PROCESSES_MAX];
static size_t n_processes;

static const struct opt opts[] = {
    {'m', NULL, "with memory as it is now", OPT_FLAG, &with_memory, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "usage", .operands = "PID...", .summary = "what processes have used", .opts = opts};

/* The text of /proc/<pid>/<name>, valid until the next call; "" if there is none. */
static const char *proc_text(pid_t pid, const char *name)
{
    static struct buf text;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    buf_reset(&text, STATUS_BYTES);
    if (io_read_file(path, STATUS_BYTES, &text) < 0)
        buf_reset(&text, STATUS_BYTES);
    return buf_z(&text);
}

/* Field n of /proc/<pid>/stat, counted from 1 as in proc(5), beyond the command's name. */
static long long stat_field(const char *stat, int n)
{
    const char *p = strrchr(stat, ')');
    for (int at = 2; p && at < n; at++)
        p = strchr(p + 1, ' ');
    return p ? strtoll(p + 1, NULL, 10) : 0;
}

static int64_t kb_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoll(at + strlen(key), NULL, 10) : MISSING;
}

/* --- which processes ---------------------------------------------------------------------------------------- */

static void list_processes(void)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    uint64_t pid;
    if (!dir)
        die_sys(EXIT_TEMPORARY, "cannot read '/proc'");
    while ((e = readdir(dir)) && n_processes < PROCESSES_MAX)
        if (scan_u64(slice_str(e->d_name), &pid) == 0)
            processes[n_processes++] = (struct process){
                .pid = (pid_t)pid, .parent = (pid_t)stat_field(proc_text((pid_t)pid, "stat"), 4)};
    closedir(dir);
}

static struct process *find(pid_t pid)
{
    for (size_t i = 0; i < n_processes; i++)
        if (processes[i].pid == pid)
            return &processes[i];
    return NULL;
}

static void want_descendants(void)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < n_processes; i++) {
            const struct process *parent = processes[i].wanted ? NULL : find(processes[i].parent);
            if (parent && parent->wanted)
                processes[i].wanted = more = true;
        }
    }
}

/* --- what they used ----------------------------------------------------------------------------------------- */

static int64_t cpu_us(pid_t pid)
{
    clockid_t id;
    struct timespec ts;
    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static struct figures measure(pid_t pid)
{
    struct figures f = {0};
    const char *stat = proc_text(pid, "stat");
    long long tick_ms = 1000 / sysconf(_SC_CLK_TCK);
    f.v[USER_MS] = stat_field(stat, 14) * tick_ms;
    f.v[SYSTEM_MS] = stat_field(stat, 15) * tick_ms;
    f.v[CHILDREN_MS] = (stat_field(stat, 16) + stat_field(stat, 17)) * tick_ms;
    f.v[CPU_US] = cpu_us(pid);
    f.v[RSS_PEAK_KB] = kb_after(proc_text(pid, "status"), "VmHWM:");
    if (with_memory) {
        const char *rollup = proc_text(pid, "smaps_rollup");
        int64_t clean = kb_after(rollup, "Private_Clean:"), dirty = kb_after(rollup, "Private_Dirty:");
        f.v[RSS_KB] = kb_after(rollup, "Rss:");
        f.v[PSS_KB] = kb_after(rollup, "Pss:");
        f.v[PRIVATE_KB] = clean < 0 || dirty < 0 ? MISSING : clean + dirty;
    }
    return f;
}

static void put_figures(struct buf *out, const struct figures *f)
{
    for (int i = 0; i < (with_memory ? FIGURES : RSS_KB); i++)
        if (f->v[i] == MISSING)
            json_put_member(out, slice_str(names[i]), S("null"));
        else
            json_put_member_int(out, slice_str(names[i]), f->v[i]);
}

static void put_process(struct buf *out, const struct process *p, const struct figures *f)
{
    buf_putc(out, '{');
    json_put_member_int(out, S("pid"), p->pid);
    json_put_member_int(out, S("parent"), p->parent);
    json_put_member_text(out, S("name"), slice_trim(slice_str(proc_text(p->pid, "comm"))));
    put_figures(out, f);
    buf_puts(out, "}\n");
}

static void add(struct figures *sum, const struct figures *f)
{
    for (int i = 0; i < FIGURES; i++)
        sum->v[i] = sum->v[i] == MISSING || f->v[i] == MISSING ? MISSING : sum->v[i] + f->v[i];
    sum->v[CPU_US] += f->v[CHILDREN_MS] * 1000;
}

static void put_all(struct buf *out)
{
    struct figures sum = {0};
    int64_t n = 0;
    for (size_t i = 0; i < n_processes; i++) {
        if (!processes[i].wanted)
            continue;
        struct figures f = measure(processes[i].pid);
        struct buf line = {0};
        put_process(&line, &processes[i], &f);
        buf_put_slice(out, buf_slice(&line));
        buf_free(&line);
        add(&sum, &f);
        n++;
    }
    struct buf line = {0};
    buf_puts(&line, "{\"total\":{");
    put_figures(&line, &sum);
    buf_putc(&line, '}');
    json_put_member_int(&line, S("processes"), n);
    buf_puts(&line, "}\n");
    buf_put_slice(out, buf_slice(&line));
    buf_free(&line);
}

int main(int argc, char **argv)
{
    struct buf out = {0};
    uint64_t pid;
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (at == argc)
        opt_usage(&program, "a PID is needed");
    list_processes();
    for (; at < argc; at++) {
        struct process *p = scan_u64(slice_str(argv[at]), &pid) == 0 ? find((pid_t)pid) : NULL;
        if (!p)
            die(EXIT_NEGATIVE, "cannot find process '%s'", argv[at]);
        p->wanted = true;
    }
    want_descendants();
    put_all(&out);
    if (io_write_all(STDOUT_FILENO, buf_p(&out), out.len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write");
    buf_free(&out);
    return EXIT_DONE;
}
