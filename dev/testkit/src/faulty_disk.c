/* A disk that fails: loaded before the C library, it makes calls on files below one path fail or wait.
 *
 * KEYWARD_FAULTY_STATE names a file of one native int, which a test changes while this runs:
 * 0: sound; -1: read-only; -2: full; above: every flush takes so many milliseconds. KEYWARD_FAULTY_PATH is a part of the
 * paths that it is about. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SOUND = 0, READ_ONLY = -1, FULL = -2 };

static volatile int *state;
static const char *part;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("KEYWARD_FAULTY_STATE");
    const char *about = getenv("KEYWARD_FAULTY_PATH");
    /* A copy: PostgreSQL writes its title over its environment. */
    part = about ? strdup(about) : NULL;
    if (!name || !part) abort();
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) abort();
    void *at = mmap(NULL, sizeof(int), PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) abort();
    state = at;
}

static int is_meant(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, part) != NULL;
}

/* The error that a write to the file gives, or 0. */
static int write_error(int file) {
    int now = state ? *state : SOUND;
    if (now >= SOUND || !is_meant(file)) return 0;
    return now == READ_ONLY ? EROFS : ENOSPC;
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define REFUSE_WRITES(file) do { int error = write_error(file); if (error) { errno = error; return -1; } } while (0)

ssize_t write(int file, const void *from, size_t count) { NEXT(write); REFUSE_WRITES(file); return next(file, from, count); }
ssize_t pwrite(int file, const void *from, size_t count, off_t at) { NEXT(pwrite); REFUSE_WRITES(file); return next(file, from, count, at); }
ssize_t pwrite64(int file, const void *from, size_t count, off64_t at) { NEXT(pwrite64); REFUSE_WRITES(file); return next(file, from, count, at); }
ssize_t writev(int file, const struct iovec *from, int count) { NEXT(writev); REFUSE_WRITES(file); return next(file, from, count); }
ssize_t pwritev(int file, const struct iovec *from, int count, off_t at) { NEXT(pwritev); REFUSE_WRITES(file); return next(file, from, count, at); }
ssize_t pwritev64(int file, const struct iovec *from, int count, off64_t at) { NEXT(pwritev64); REFUSE_WRITES(file); return next(file, from, count, at); }
int ftruncate(int file, off_t to) { NEXT(ftruncate); REFUSE_WRITES(file); return next(file, to); }
int ftruncate64(int file, off64_t to) { NEXT(ftruncate64); REFUSE_WRITES(file); return next(file, to); }
int posix_fallocate(int file, off_t at, off_t count) { NEXT(posix_fallocate); int error = write_error(file); return error ? error : next(file, at, count); }
int posix_fallocate64(int file, off64_t at, off64_t count) { NEXT(posix_fallocate64); int error = write_error(file); return error ? error : next(file, at, count); }

static void wait_for_disk(int file) {
    int ms = state ? *state : SOUND;
    if (ms <= SOUND || !is_meant(file)) return;
    struct timespec time = { ms / 1000, (ms % 1000) * 1000000L };
    nanosleep(&time, NULL);
}

int fsync(int file) { NEXT(fsync); wait_for_disk(file); return next(file); }
int fdatasync(int file) { NEXT(fdatasync); wait_for_disk(file); return next(file); }

/* Whether opening is refused, as on a disk that was mounted read-only after an error. */
static int refuses(const char *path, int flags) {
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
    return state && *state == READ_ONLY && writes && strstr(path, part) != NULL;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        NEXT(name); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        if (refuses(path, flags)) { errno = EROFS; return -1; } \
        return next(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
int unlink(const char *path) {
    NEXT(unlink);
    if (refuses(path, O_WRONLY)) { errno = EROFS; return -1; }
    return next(path);
}
