/* Loaded before the C library: what a program looks for at FROM it finds at TO. The masking of tests on machines that
   let nobody mount; compiled by masking.ts, which defines both. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *seen(const char *path, char *room) {
  const size_t length = strlen(FROM);
  if (path == NULL || strncmp(path, FROM, length) != 0) return path;
  if (path[length] != '\0' && path[length] != '/') return path;
  snprintf(room, PATH_MAX, "%s%s", TO, path + length);
  return room;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name)                                   \
  int name(const char *path, int flags, ...) {       \
    char room[PATH_MAX];                             \
    va_list more;                                    \
    va_start(more, flags);                           \
    const int mode = va_arg(more, int);              \
    va_end(more);                                    \
    return NEXT(name)(seen(path, room), flags, mode); \
  }
#define OPENAT(name)                                         \
  int name(int folder, const char *path, int flags, ...) {   \
    char room[PATH_MAX];                                     \
    va_list more;                                            \
    va_start(more, flags);                                   \
    const int mode = va_arg(more, int);                      \
    va_end(more);                                            \
    return NEXT(name)(folder, seen(path, room), flags, mode); \
  }
#define TAKES(type, name, ...)                        \
  type name(const char *path, __VA_ARGS__ second) {   \
    char room[PATH_MAX];                              \
    return NEXT(name)(seen(path, room), second);      \
  }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
TAKES(FILE *, fopen, const char *)
TAKES(FILE *, fopen64, const char *)
TAKES(int, stat, struct stat *)
TAKES(int, stat64, struct stat64 *)
TAKES(int, lstat, struct stat *)
TAKES(int, lstat64, struct stat64 *)
TAKES(int, access, int)

/* What a program compiled with _FORTIFY_SOURCE calls in place of open. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
TAKES(int, __open_2, int)
TAKES(int, __open64_2, int)

int fstatat(int folder, const char *path, struct stat *into, int flags) {
  char room[PATH_MAX];
  return NEXT(fstatat)(folder, seen(path, room), into, flags);
}
int fstatat64(int folder, const char *path, struct stat64 *into, int flags) {
  char room[PATH_MAX];
  return NEXT(fstatat64)(folder, seen(path, room), into, flags);
}
int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *into) {
  char room[PATH_MAX];
  return NEXT(statx)(folder, seen(path, room), flags, mask, into);
}
