/* pending.c: unsettled entries by counter, and below each the tree of its open parts.
 *
 * The parts of an entry are numbers below numbers, so no text is kept: a node is (number of its parent's group, index).
 * A leaf is a node that is still open; a group is a node that became parts, numbered to be the parent of others;
 * group 0 is the entry itself. A group goes when nothing below it is open. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scan.h"
#include "line/pending.h"

#include "base/banned.h"

enum {
    SLOTS_LEAST = 256,
    NODES_LEAST = 16,
    NODES_KEPT = 64, /* a larger table is given back with its entry */
};

#define LEAF UINT32_MAX

struct node {
    uint32_t parent, index; /* index from 1; 0: free slot */
    uint32_t group;         /* LEAF, or the number of the group it became */
};

struct group {
    uint32_t live; /* leaves and groups below it */
    uint32_t parent, index;
};

struct leaves {
    struct leaves *next; /* when spare */
    struct node *nodes;  /* open addressing, linear probing */
    size_t n_nodes, cap_nodes;
    struct group *groups;
    size_t n_groups, cap_groups; /* n_groups: the highest number in use + 1 */
};

/* --- the tree below an entry --- */

static size_t home_of(const struct leaves *l, uint32_t parent, uint32_t index)
{
    return (parent * 2654435761U + index) & (l->cap_nodes - 1);
}

/* The node, or the free slot where it would stand. The table is at most half full. */
static struct node *node_find(const struct leaves *l, uint32_t parent, uint32_t index)
{
    size_t i = home_of(l, parent, index);
    while (l->nodes[i].index && (l->nodes[i].parent != parent || l->nodes[i].index != index))
        i = (i + 1) & (l->cap_nodes - 1);
    return &l->nodes[i];
}

static void nodes_grow(struct leaves *l)
{
    struct node *old = l->nodes;
    size_t n = l->cap_nodes;
    l->cap_nodes = n ? 2 * n : NODES_LEAST;
    l->nodes = xcalloc(l->cap_nodes, sizeof *l->nodes);
    for (size_t i = 0; i < n; i++)
        if (old[i].index)
            *node_find(l, old[i].parent, old[i].index) = old[i];
    free(old);
}

static void node_add(struct leaves *l, uint32_t parent, uint32_t index)
{
    if (2 * (l->n_nodes + 1) > l->cap_nodes)
        nodes_grow(l);
    *node_find(l, parent, index) = (struct node){parent, index, LEAF};
    l->n_nodes++;
}

/* Empties a slot and moves up what probed past it, so that no tombstones gather. */
static void node_remove(struct leaves *l, struct node *node)
{
    size_t mask = l->cap_nodes - 1, hole = (size_t)(node - l->nodes);
    for (size_t i = (hole + 1) & mask; l->nodes[i].index; i = (i + 1) & mask) {
        size_t home = home_of(l, l->nodes[i].parent, l->nodes[i].index);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            l->nodes[hole] = l->nodes[i];
            hole = i;
        }
    }
    l->nodes[hole].index = 0;
    l->n_nodes--;
}

/* A group of n > 0 leaves; returns its number. */
static uint32_t group_add(struct leaves *l, uint32_t parent, uint32_t index, size_t n)
{
    uint32_t g = 0;
    while (g < l->n_groups && l->groups[g].live)
        g++;
    if (g == l->n_groups && l->n_groups++ == l->cap_groups) {
        l->cap_groups = l->cap_groups ? 2 * l->cap_groups : 1;
        l->groups = xrealloc_array(l->groups, l->cap_groups, sizeof *l->groups);
    }
    l->groups[g] = (struct group){(uint32_t)n, parent, index};
    for (uint32_t i = 1; i <= n; i++)
        node_add(l, g, i);
    return g;
}

/* Removes a leaf, and every group above it that is empty then. */
static void leaf_close(struct leaves *l, struct node *leaf)
{
    uint32_t parent = leaf->parent;
    node_remove(l, leaf);
    while (--l->groups[parent].live == 0 && parent != 0) {
        struct group g = l->groups[parent];
        node_remove(l, node_find(l, g.parent, g.index));
        parent = g.parent;
    }
}

/* Cuts "/<index>" off the front of *tail; 0 if it does not start like that, or with more than any index has. */
static uint32_t cut_index(struct slice *tail)
{
    uint64_t n;
    struct slice rest = slice_skip(*tail, 1);
    if (tail->len < 2 || tail->p[0] != '/' || rest.p[0] == '0')
        return 0;
    struct slice digits = slice_cut(&rest, '/');
    *tail = rest.p ? slice_of(rest.p - 1, rest.len + 1) : SLICE_NONE;
    return scan_u64(digits, &n) == 0 && n <= PENDING_MAX_LEAVES ? (uint32_t)n : 0;
}

/* The open leaf that "/1/3" means, or NULL. */
static struct node *leaf_find(const struct leaves *l, struct slice tail)
{
    for (uint32_t parent = 0;;) {
        uint32_t index = cut_index(&tail);
        struct node *node = index ? node_find(l, parent, index) : NULL;
        if (!node || !node->index || (node->group == LEAF) != (tail.len == 0))
            return NULL;
        if (node->group == LEAF)
            return node;
        parent = node->group;
    }
}

static struct leaves *leaves_get(struct pending *p)
{
    struct leaves *l = p->spare_leaves;
    if (!l)
        return xcalloc(1, sizeof *l);
    p->spare_leaves = l->next;
    return l;
}

static void leaves_free(struct leaves *l)
{
    free(l->nodes);
    free(l->groups);
    free(l);
}

static void leaves_put(struct pending *p, struct leaves *l)
{
    if (l->cap_nodes > NODES_KEPT) {
        leaves_free(l);
        return;
    }
    if (l->n_nodes)
        memset(l->nodes, 0, l->cap_nodes * sizeof *l->nodes);
    l->n_nodes = l->n_groups = 0;
    l->next = p->spare_leaves;
    p->spare_leaves = l;
}

/* --- the table of entries --- */

static void random_letters(char *dst, size_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < n;) {
        unsigned char c;
        if (getentropy(&c, 1) < 0)
            die_sys(EXIT_TEMPORARY, "cannot read random bytes");
        if (c < 252) /* 7 × 36: each letter equally likely */
            dst[i++] = letters[c % 36];
    }
}

void pending_init(struct pending *p, const char *tag)
{
    *p = (struct pending){.n_slots = SLOTS_LEAST};
    size_t len = strlen(tag);
    if (len > 8)
        bug("tag '%s' is longer than 8 characters", tag);
    memcpy(p->prefix, tag, len);
    random_letters(p->prefix + len, 6);
    p->slots = xcalloc(p->n_slots, sizeof(struct entry *));
}

void pending_free(struct pending *p)
{
    while (p->oldest)
        pending_remove(p, p->oldest);
    for (struct entry *e = p->spare, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    for (struct leaves *l = p->spare_leaves, *next; l; l = next) {
        next = l->next;
        leaves_free(l);
    }
    free(p->slots);
    *p = (struct pending){0};
}

/* Counters run on, so that their low bits spread entries evenly. */
static struct entry **slot_of(const struct pending *p, uint64_t counter)
{
    return &p->slots[counter & (p->n_slots - 1)];
}

static void chain(struct pending *p, struct entry *e)
{
    struct entry **slot = slot_of(p, e->counter);
    e->next = *slot;
    *slot = e;
}

static void slots_grow(struct pending *p)
{
    free(p->slots);
    p->n_slots *= 2;
    p->slots = xcalloc(p->n_slots, sizeof(struct entry *));
    for (struct entry *e = p->oldest; e; e = e->newer)
        chain(p, e);
}

struct entry *pending_add(struct pending *p, void *data, char *id)
{
    if (p->n == p->n_slots)
        slots_grow(p);
    struct entry *e = p->spare;
    if (e)
        p->spare = e->next;
    else
        e = xmalloc(sizeof *e);
    *e = (struct entry){.counter = ++p->counter, .data = data, .open = 1, .older = p->newest};
    *(p->newest ? &p->newest->newer : &p->oldest) = e;
    p->newest = e;
    chain(p, e);
    p->n++;
    if (id)
        pending_id(p, e, id);
    return e;
}

size_t pending_id(const struct pending *p, const struct entry *e, char *id)
{
    char digits[20];
    size_t n = sizeof digits, len = strlen(p->prefix);
    uint64_t counter = e->counter;
    do
        digits[--n] = (char)('0' + counter % 10);
    while (counter /= 10);
    memcpy(id, p->prefix, len);
    id[len++] = '-';
    memcpy(id + len, digits + n, sizeof digits - n);
    len += sizeof digits - n;
    id[len] = '\0';
    return len;
}

bool pending_owns(const struct pending *p, struct slice id)
{
    size_t len = strlen(p->prefix);
    return id.len > len && memcmp(id.p, p->prefix, len) == 0 && id.p[len] == '-';
}

/* The entry of an id of ours, *tail what follows its counter ("" or "/1…"). NULL if there is none. */
static struct entry *entry_find(const struct pending *p, struct slice id, struct slice *tail)
{
    uint64_t counter;
    *tail = slice_skip(id, strlen(p->prefix) + 1);
    struct slice head = slice_cut(tail, '/');
    if (tail->p)
        *tail = slice_of(tail->p - 1, tail->len + 1);
    if (!pending_owns(p, id) || scan_u64(head, &counter) < 0 || head.p[0] == '0')
        return NULL;
    struct entry *e = *slot_of(p, counter);
    while (e && e->counter != counter)
        e = e->next;
    return e;
}

/* --- settling --- */

struct entry *pending_find(const struct pending *p, struct slice id)
{
    struct slice tail = SLICE_NONE;
    struct entry *e = entry_find(p, id, &tail);
    return tail.len ? NULL : e;
}

static void record(struct entry *e, int status)
{
    enum line_class c = line_class_of(status);
    if (e->status == 0 || c > e->worst) {
        e->worst = c;
        e->status = status;
    }
}

static struct entry *if_complete(struct entry *e)
{
    if (e->open)
        return NULL;
    if (e->status == 0)
        e->status = 200;
    return e;
}

/* Is what tail names open? With parts, *leaf is set to it; without, the entry itself is the only leaf. */
static bool is_open(const struct entry *e, struct slice tail, struct node **leaf)
{
    *leaf = e->leaves && tail.len ? leaf_find(e->leaves, tail) : NULL;
    return *leaf || (!e->leaves && tail.len == 0 && e->open);
}

static void close_leaf(struct entry *e, struct node *leaf)
{
    if (leaf)
        leaf_close(e->leaves, leaf);
    e->open--;
}

struct entry *pending_settle(struct pending *p, struct slice id, int status)
{
    struct slice tail;
    struct node *leaf;
    struct entry *e = entry_find(p, id, &tail);
    if (!e || !is_open(e, tail, &leaf)) {
        p->unknown++;
        return NULL;
    }
    record(e, status);
    close_leaf(e, leaf);
    return if_complete(e);
}

/* The leaf (NULL: the entry itself) becomes n > 0 leaves. */
static void split(struct pending *p, struct entry *e, struct node *leaf, size_t n)
{
    if (!e->leaves)
        e->leaves = leaves_get(p);
    if (leaf) {
        struct node at = *leaf;
        uint32_t g = group_add(e->leaves, at.parent, at.index, n);
        node_find(e->leaves, at.parent, at.index)->group = g; /* the table may have moved */
    } else {
        group_add(e->leaves, 0, 0, n);
    }
    e->open += n - 1;
}

struct entry *pending_parts(struct pending *p, struct slice id, size_t n)
{
    struct slice tail;
    struct node *leaf;
    struct entry *e = entry_find(p, id, &tail);
    if (!e || !is_open(e, tail, &leaf)) {
        p->unknown++;
        return NULL;
    }
    size_t room = PENDING_MAX_LEAVES - (e->open - 1);
    if (n > room)
        record(e, line_class_status(CLASS_REDELIVER));
    if (n > 0)
        split(p, e, leaf, n < room ? n : room);
    else
        close_leaf(e, leaf);
    return if_complete(e);
}

void pending_remove(struct pending *p, struct entry *e)
{
    struct entry **at = slot_of(p, e->counter);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    *(e->older ? &e->older->newer : &p->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &p->newest) = e->older;
    p->n--;
    if (e->leaves)
        leaves_put(p, e->leaves);
    e->next = p->spare;
    p->spare = e;
}

int pending_status_of(const struct line *l)
{
    int64_t n;
    return json_int(l->status, &n) == 0 && n >= 100 && n <= 599 ? (int)n : 500;
}
