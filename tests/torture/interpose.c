/*
 * Stands between a program and its disk (LD_PRELOAD): lets the k-th write, truncation or sync of the files below a folder
 * fail, or the process die there; writes down what was done to them, in order, so that a power loss can be played; shifts
 * the wall clock. Built and steered by tests/src/torture: `library.rs`, `control.rs` and `recording.rs` hold the other ends.
 *
 *   DACAPO_TORTURE_ROOT     the folder whose files count; absolute, without links
 *   DACAPO_TORTURE_CONTROL  a file of the layout below, shared with the test
 *   DACAPO_TORTURE_LOG      the file that is appended to
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What can be done to a file, as bits of `fault_deeds`. */
enum { WRITE = 1, TRUNCATE = 2, SYNC = 4, CREATE = 8, DEEDS = 4 };
/* What a file is, as bits of `fault_files`. */
enum { DATABASE = 1, WAL = 2, OTHER = 4, FOLDER = 8, FILES = 4 };
/* What happens in place of a deed; below it, an errno. */
enum { DIE_BEFORE = 1000, DIE_AFTER = 1001 };

/* Shared with the test, which writes it as numbers of 64 bits in this order. */
struct control {
    uint64_t loaded;       /* processes that have begun under this library */
    uint64_t recording;    /* whether deeds are written down */
    int64_t clock_ms;      /* added to the wall clock */
    uint64_t fault_deeds;  /* which deeds can fail; 0: none does */
    uint64_t fault_files;  /* of which files */
    uint64_t fault_after;  /* so many of them pass before the first that fails */
    uint64_t fault_length; /* so many fail */
    uint64_t fault_action; /* an errno, or DIE_... */
    uint64_t fault_tears;  /* whether a write that fails has written its first half */
    uint64_t fired;        /* deeds that were made to fail */
    uint64_t done[DEEDS][FILES];
};

/* Kinds of records in the log: keep in step with recording.rs. */
enum { R_WRITE = 1, R_TRUNCATE, R_SYNC, R_SYNCED, R_SYNC_FAILED, R_CREATE, R_MAKE_FOLDER, R_UNLINK, R_RENAME, R_FOLDER_SYNCED, R_BEGIN };

struct record { uint64_t kind, file, offset, bytes; };

struct file { uint64_t inode; uint32_t kind; };

#define MAX_FILES 65536
static struct file files[MAX_FILES];
static struct control *control;
static int log_file = -1;
static char root[PATH_MAX];
static size_t root_length;
/* A deed and its record are one step; a sync is none, since it takes its time. */
static pthread_mutex_t step = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static void give_up(const char *why) {
    dprintf(2, "interpose: %s\n", why);
    _exit(99);
}

static void record(uint64_t kind, uint64_t inode, uint64_t offset, const void *data, size_t bytes) {
    if (log_file < 0 || !control->recording) return;
    struct record header = { kind, inode, offset, bytes };
    struct iovec parts[2] = { { &header, sizeof header }, { (void *)data, bytes } };
    int kept = errno;
    if (syscall(SYS_writev, log_file, parts, 2) != (long)(sizeof header + bytes)) give_up("cannot append to the log");
    errno = kept;
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("DACAPO_TORTURE_ROOT"), *shared = getenv("DACAPO_TORTURE_CONTROL");
    const char *log = getenv("DACAPO_TORTURE_LOG");
    if (!folder || !shared) return;
    root_length = strlen(folder);
    if (root_length >= sizeof root) give_up("the folder's name is too long");
    memcpy(root, folder, root_length + 1);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC);
    if (fd < 0) give_up("there is no control file");
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) give_up("the control file cannot be mapped");
    syscall(SYS_close, fd);
    if (log) log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log && log_file < 0) give_up("there is no log");
    control = mapped;
    __atomic_add_fetch(&control->loaded, 1, __ATOMIC_SEQ_CST);
    record(R_BEGIN, (uint64_t)getpid(), 0, "", 0);
}

/* ---- which file is meant ------------------------------------------------------------------------------------------ */

static int is_below(const char *path) {
    return control && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

/* The absolute path; links within are not followed. */
static int resolve(int folder, const char *path, char out[PATH_MAX]) {
    if (!control || !path) return 0;
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    char base[PATH_MAX];
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
    }
    return snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

/* Files that outlast a process and have no use after a power loss: what SQLite maps, and who is being played. */
static int is_passing(const char *path) {
    return ends_with(path, "-shm") || ends_with(path, "/dacapo.playing") || ends_with(path, "/dacapo.playing-new");
}

/* The kind of a file below the root; 0: it does not count. */
static uint32_t kind_of(const char *path, mode_t mode) {
    if (S_ISDIR(mode)) return FOLDER;
    if (!S_ISREG(mode) || is_passing(path)) return 0;
    if (ends_with(path, "/dacapo.db")) return DATABASE;
    return ends_with(path, "-wal") ? WAL : OTHER;
}

static struct file *known(int fd) {
    return control && fd >= 0 && fd < MAX_FILES && files[fd].kind ? &files[fd] : NULL;
}

/* ---- faults ------------------------------------------------------------------------------------------------------- */

static int place(uint32_t bit) { return bit == 1 ? 0 : bit == 2 ? 1 : bit == 4 ? 2 : 3; }

/* Counts a deed; the action to take in place of it, or 0. Called within a step. */
static uint64_t fault(uint32_t deed, uint32_t kind) {
    __atomic_add_fetch(&control->done[place(deed)][place(kind)], 1, __ATOMIC_SEQ_CST);
    if (!(__atomic_load_n(&control->fault_deeds, __ATOMIC_SEQ_CST) & deed) || !(control->fault_files & kind)) return 0;
    if (control->fault_after) {
        control->fault_after--;
        return 0;
    }
    if (control->fault_length == 0) return 0;
    if (control->fault_length != UINT64_MAX) control->fault_length--;
    __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
    return control->fault_action;
}

static void die(void) {
    /* What was armed must not meet the next process. */
    __atomic_store_n(&control->fault_deeds, 0, __ATOMIC_SEQ_CST);
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

static void enter(void) { pthread_mutex_lock(&step); }
static void leave(void) { pthread_mutex_unlock(&step); }

/* ---- files open and close ----------------------------------------------------------------------------------------- */

typedef int (*opener)(int, const char *, int, mode_t);

static int open_at(int folder, const char *path, int flags, mode_t mode, opener real) {
    char full[PATH_MAX];
    int counts = resolve(folder, path, full) && is_below(full) && !is_passing(full);
    if (!counts) return real(folder, path, flags, mode);
    enter();
    struct stat before, after;
    int was_there = lstat(full, &before) == 0;
    if (!was_there && (flags & O_CREAT)) {
        uint64_t action = fault(CREATE, kind_of(full, S_IFREG));
        if (action == DIE_BEFORE) die();
        if (action && action < DIE_BEFORE) {
            leave();
            errno = (int)action;
            return -1;
        }
    }
    int fd = real(folder, path, flags, mode);
    if (fd >= 0 && fd < MAX_FILES && fstat(fd, &after) == 0) {
        files[fd] = (struct file){ after.st_ino, kind_of(full, after.st_mode) };
        if (!was_there) record(R_CREATE, after.st_ino, 0, full, strlen(full));
        else if ((flags & O_TRUNC) && before.st_size > 0) record(R_TRUNCATE, after.st_ino, 0, "", 0);
    }
    leave();
    return fd;
}

static int real_openat(int folder, const char *path, int flags, mode_t mode) {
    return REAL(openat)(folder, path, flags, mode);
}

#define MODE(flags) mode_t mode = 0; if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode, real_openat); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return open_at(folder, path, flags, mode, real_openat); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, real_openat); }
#ifdef __GLIBC__
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode, real_openat); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return open_at(folder, path, flags | O_LARGEFILE, mode, real_openat); }
#endif

int close(int fd) {
    if (known(fd)) files[fd].kind = 0;
    return REAL(close)(fd);
}

/* ---- writes ------------------------------------------------------------------------------------------------------- */

/* Writes at an offset; at the file's own where that is -1. */
static ssize_t write_at(int fd, struct file *file, const void *data, size_t bytes, off_t offset) {
    enter();
    off_t at = offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR);
    if (offset < 0 && (fcntl(fd, F_GETFL) & O_APPEND)) {
        struct stat now;
        at = fstat(fd, &now) == 0 ? now.st_size : at;
    }
    uint64_t action = fault(WRITE, file->kind);
    if (action == DIE_BEFORE) die();
    int fails = action && action < DIE_BEFORE;
    size_t wanted = !fails ? bytes : control->fault_tears ? bytes / 2 : 0;
    ssize_t done = 0;
    if (wanted || !fails) done = offset >= 0 ? REAL(pwrite)(fd, data, wanted, offset) : REAL(write)(fd, data, wanted);
    if (done > 0) record(R_WRITE, file->inode, (uint64_t)at, data, (size_t)done);
    if (action == DIE_AFTER) die();
    leave();
    if (fails) {
        errno = (int)action;
        return -1;
    }
    return done;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    struct file *file = known(fd);
    return file ? write_at(fd, file, data, bytes, -1) : REAL(write)(fd, data, bytes);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    struct file *file = known(fd);
    return file ? write_at(fd, file, data, bytes, offset) : REAL(pwrite)(fd, data, bytes, offset);
}

/* One part at a time: a caller must be content with fewer bytes than it asked for. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    struct file *file = known(fd);
    if (!file) return REAL(writev)(fd, parts, count);
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len) return write_at(fd, file, parts[part].iov_base, parts[part].iov_len, -1);
    return 0;
}

static int truncate_to(int fd, struct file *file, off_t bytes) {
    enter();
    uint64_t action = fault(TRUNCATE, file->kind);
    if (action == DIE_BEFORE) die();
    int result = -1;
    if (action && action < DIE_BEFORE) errno = (int)action;
    else result = REAL(ftruncate)(fd, bytes);
    if (result == 0) record(R_TRUNCATE, file->inode, (uint64_t)bytes, "", 0);
    if (action == DIE_AFTER) die();
    leave();
    return result;
}

int ftruncate(int fd, off_t bytes) {
    struct file *file = known(fd);
    return file ? truncate_to(fd, file, bytes) : REAL(ftruncate)(fd, bytes);
}

#ifdef __GLIBC__
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) { return pwrite(fd, data, bytes, offset); }
int ftruncate64(int fd, off64_t bytes) { return ftruncate(fd, bytes); }
#endif

/* Room that is asked for in advance is a write of nothing: it fails where writes fail. */
static int allocate(int fd, struct file *file, off_t offset, off_t bytes) {
    enter();
    uint64_t action = fault(WRITE, file->kind);
    if (action >= DIE_BEFORE) die();
    int error = (int)action;
    struct stat now;
    if (!error) error = REAL(posix_fallocate)(fd, offset, bytes);
    if (!error && fstat(fd, &now) == 0) record(R_TRUNCATE, file->inode, (uint64_t)now.st_size, "", 0);
    leave();
    return error;
}

int posix_fallocate(int fd, off_t offset, off_t bytes) {
    struct file *file = known(fd);
    return file ? allocate(fd, file, offset, bytes) : REAL(posix_fallocate)(fd, offset, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    struct file *file = known(fd);
    if (!file) return REAL(fallocate)(fd, mode, offset, bytes);
    errno = mode ? EOPNOTSUPP : allocate(fd, file, offset, bytes);
    return errno ? -1 : 0;
}

#ifdef __GLIBC__
int posix_fallocate64(int fd, off64_t offset, off64_t bytes) { return posix_fallocate(fd, offset, bytes); }
int fallocate64(int fd, int mode, off64_t offset, off64_t bytes) { return fallocate(fd, mode, offset, bytes); }
#endif

/* What is written past this library would be missing in its log: callers fall back on reading and writing. */
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t bytes, unsigned flags) {
    if (!known(out)) return REAL(copy_file_range)(in, from, out, to, bytes, flags);
    errno = EXDEV;
    return -1;
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t bytes) {
    if (known(out)) {
        errno = EINVAL;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, offset, bytes);
}

/* ---- syncs -------------------------------------------------------------------------------------------------------- */

static int sync_file(int fd, struct file *file, int (*real)(int)) {
    char link[64], path[PATH_MAX];
    ssize_t length = 0;
    if (file->kind == FOLDER) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        length = readlink(link, path, sizeof path);
    }
    struct file which = *file;
    enter();
    uint64_t action = fault(SYNC, which.kind);
    if (action == DIE_BEFORE) die();
    if (which.kind != FOLDER) record(R_SYNC, which.inode, 0, "", 0);
    leave();
    int fails = action && action < DIE_BEFORE;
    int result = fails ? -1 : real(fd);
    int error = fails ? (int)action : errno;
    enter();
    if (which.kind != FOLDER) record(result == 0 ? R_SYNCED : R_SYNC_FAILED, which.inode, 0, "", 0);
    else if (result == 0 && length > 0) record(R_FOLDER_SYNCED, which.inode, 0, path, (size_t)length);
    if (action == DIE_AFTER) die();
    leave();
    errno = error;
    return result;
}

int fsync(int fd) {
    struct file *file = known(fd);
    return file ? sync_file(fd, file, REAL(fsync)) : REAL(fsync)(fd);
}

int fdatasync(int fd) {
    struct file *file = known(fd);
    return file ? sync_file(fd, file, REAL(fdatasync)) : REAL(fdatasync)(fd);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static int make_folder(int folder, const char *path, mode_t mode) {
    char full[PATH_MAX];
    int counts = resolve(folder, path, full) && is_below(full);
    if (counts) enter();
    int result = REAL(mkdirat)(folder, path, mode);
    if (counts && result == 0) record(R_MAKE_FOLDER, 0, 0, full, strlen(full));
    if (counts) leave();
    return result;
}

int mkdir(const char *path, mode_t mode) { return make_folder(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { return make_folder(folder, path, mode); }

static int remove_name(int folder, const char *path, int flags) {
    char full[PATH_MAX];
    int counts = resolve(folder, path, full) && is_below(full) && !is_passing(full);
    if (counts) enter();
    int result = REAL(unlinkat)(folder, path, flags);
    if (counts && result == 0) record(R_UNLINK, 0, 0, full, strlen(full));
    if (counts) leave();
    return result;
}

int unlink(const char *path) { return remove_name(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return remove_name(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int folder, const char *path, int flags) { return remove_name(folder, path, flags); }

static int move_name(int from_folder, const char *from, int to_folder, const char *to) {
    char both[2 * PATH_MAX + 1], target[PATH_MAX];
    int counts = resolve(from_folder, from, both) && resolve(to_folder, to, target) && is_below(target);
    if (counts) enter();
    int result = REAL(renameat)(from_folder, from, to_folder, to);
    if (counts && result == 0) {
        size_t first = strlen(both) + 1, second = strlen(target);
        memcpy(both + first, target, second);
        record(R_RENAME, 0, 0, both, first + second);
    }
    if (counts) leave();
    return result;
}

int rename(const char *from, const char *to) { return move_name(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return move_name(from_folder, from, to_folder, to);
}

/* ---- the wall clock ----------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    int64_t shift_ms = control ? __atomic_load_n(&control->clock_ms, __ATOMIC_SEQ_CST) : 0;
    if (result == 0 && clock == CLOCK_REALTIME && shift_ms) {
        int64_t ms = shift_ms % 1000, nanoseconds = now->tv_nsec + ms * 1000000;
        now->tv_sec += shift_ms / 1000 + (nanoseconds >= 1000000000) - (nanoseconds < 0);
        now->tv_nsec = nanoseconds + (nanoseconds < 0 ? 1000000000 : nanoseconds >= 1000000000 ? -1000000000 : 0);
    }
    return result;
}
