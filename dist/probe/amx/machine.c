// What such a CPU and its kernel answer to who asks: memory, permission, /proc/cpuinfo, torch; and the counters.
#include "amx.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

enum { ARCH_GET_XCOMP_SUPP = 0x1021, ARCH_GET_XCOMP_PERM = 0x1022, ARCH_REQ_XCOMP_PERM = 0x1023 };
enum { XTILECFG = 17, XTILEDATA = 18 };

long amx_kernel(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// The kernel copies, since it answers EFAULT where a load of ours would fault in the wrong place. Where it is not
// allowed to (seccomp), we copy.
static bool copy(long number, void *ours, uint64_t theirs, unsigned length) {
  const struct iovec local = {ours, length}, remote = {(void *)theirs, length};
  const long done = amx_kernel(number, getpid(), (long)&local, 1, (long)&remote, 1, 0);
  if (done == -ENOSYS || done == -EPERM) {
    if (number == SYS_process_vm_readv)
      memcpy(ours, (const void *)theirs, length);
    else
      memcpy((void *)theirs, ours, length);
    return true;
  }
  return done == (long)length;
}

bool amx_read(void *to, uint64_t from, unsigned length) { return copy(SYS_process_vm_readv, to, from, length); }

bool amx_write(uint64_t to, const void *from, unsigned length) {
  return copy(SYS_process_vm_writev, (void *)from, to, length);
}

// Shared by all processes that come of this one; without a file each counts for itself, and nobody reads it.
static uint64_t own_counters[AMX_KINDS];
static uint64_t *counters = own_counters;

void amx_count(enum amx_kind kind) { __atomic_fetch_add(&counters[kind], 1, __ATOMIC_RELAXED); }

__attribute__((constructor)) static void open_counters(void) {
  const char *path = getenv("CPU_WHEEL_AMX_COUNTS");
  if (!path) return;
  const long file = amx_kernel(SYS_open, (long)path, O_RDWR | O_CREAT | O_CLOEXEC, 0600, 0, 0, 0);
  if (file < 0) return;
  if (amx_kernel(SYS_ftruncate, file, sizeof own_counters, 0, 0, 0, 0) == 0) {
    void *mapped = mmap(NULL, sizeof own_counters, PROT_READ | PROT_WRITE, MAP_SHARED, (int)file, 0);
    if (mapped != MAP_FAILED) counters = mapped;
  }
  amx_kernel(SYS_close, file, 0, 0, 0, 0, 0);
}

// arch_prctl has no function of its own in the C library: programs ask by syscall(2).
static long permission(long code, long argument) {
  if (code == ARCH_REQ_XCOMP_PERM && argument == XTILEDATA) return 0;
  const long result = amx_kernel(SYS_arch_prctl, code, argument, 0, 0, 0, 0);
  if (result == 0 && (code == ARCH_GET_XCOMP_SUPP || code == ARCH_GET_XCOMP_PERM))
    *(uint64_t *)argument |= 1UL << XTILECFG | 1UL << XTILEDATA;
  return result;
}

PUBLIC long syscall(long number, ...) {
  long a[6];
  va_list more;
  va_start(more, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(more, long);
  va_end(more);
  const long result = number == SYS_arch_prctl ? permission(a[0], a[1])
                                               : amx_kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (result >= 0 || result < -4095) return result;
  errno = (int)-result;
  return -1;
}

// /proc/cpuinfo with the features of CPU_WHEEL_AMX, blank between them, at the end of each line of flags.
static int emulated_cpuinfo(int flags) {
  const char *features = getenv("CPU_WHEEL_AMX");
  const long from = amx_kernel(SYS_openat, AT_FDCWD, (long)"/proc/cpuinfo", O_RDONLY | O_CLOEXEC, 0, 0, 0);
  if (from < 0) return (int)from;
  const int to = memfd_create("cpuinfo", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
  FILE *in = fdopen((int)from, "r");
  char *line = NULL;
  size_t room = 0;
  for (ssize_t length; to >= 0 && in && (length = getline(&line, &room, in)) > 0;) {
    const bool extend = features && strncmp(line, "flags", 5) == 0;
    if (extend) line[length - 1] = ' ';
    if (write(to, line, (size_t)length) < 0 || (extend && dprintf(to, "%s\n", features) < 0)) break;
  }
  free(line);
  if (in) fclose(in);
  if (to >= 0) lseek(to, 0, SEEK_SET);
  return to;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  const bool is_asked = path && strcmp(path, "/proc/cpuinfo") == 0 && (flags & O_ACCMODE) == O_RDONLY;
  const int result =
      is_asked ? emulated_cpuinfo(flags) : (int)amx_kernel(SYS_openat, folder, (long)path, flags, mode, 0, 0);
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

#define OPEN(NAME)                                           \
  PUBLIC int NAME(const char *path, int flags, ...) {        \
    va_list more;                                            \
    va_start(more, flags);                                   \
    const mode_t mode = va_arg(more, mode_t);                \
    va_end(more);                                            \
    return open_at(AT_FDCWD, path, flags, mode);             \
  }
OPEN(open)
OPEN(open64)

#define OPEN_AT(NAME)                                             \
  PUBLIC int NAME(int folder, const char *path, int flags, ...) { \
    va_list more;                                                 \
    va_start(more, flags);                                        \
    const mode_t mode = va_arg(more, mode_t);                     \
    va_end(more);                                                 \
    return open_at(folder, path, flags, mode);                    \
  }
OPEN_AT(openat)
OPEN_AT(openat64)

typedef FILE *fopen_function(const char *, const char *);

static FILE *open_stream(const char *name, const char *path, const char *mode) {
  if (path && mode && strcmp(path, "/proc/cpuinfo") == 0 && mode[0] == 'r') {
    const int file = open_at(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    return file < 0 ? NULL : fdopen(file, mode);
  }
  fopen_function *real;
  *(void **)&real = dlsym(RTLD_NEXT, name);
  return real(path, mode);
}
PUBLIC FILE *fopen(const char *path, const char *mode) { return open_stream("fopen", path, mode); }
PUBLIC FILE *fopen64(const char *path, const char *mode) { return open_stream("fopen64", path, mode); }

// at::cpu::init_amx() and is_amx_tile_supported(), which torch answers by CPUID.
PUBLIC bool torch_init_amx(void) __asm__("_ZN2at3cpu8init_amxEv");
PUBLIC bool torch_init_amx(void) { return true; }
PUBLIC bool torch_has_amx_tile(void) __asm__("_ZN2at3cpu21is_amx_tile_supportedEv");
PUBLIC bool torch_has_amx_tile(void) { return true; }
