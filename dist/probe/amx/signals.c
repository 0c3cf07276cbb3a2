// SIGILL: AMX instructions are carried out, everything else goes to the handler that the program chose.
#include "amx.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// A preloaded library's thread-locals are there when a thread begins: a signal handler may touch them.
static __thread struct amx_state state __attribute__((tls_model("initial-exec")));

typedef int action_function(int, const struct sigaction *, struct sigaction *);
typedef int mask_function(int, const sigset_t *, sigset_t *);
typedef void (*plain_handler)(int);

// What the program asked for; `lock` is held for a few instructions only.
static struct sigaction chosen;
static int lock;

static void swap_chosen(const struct sigaction *next, struct sigaction *last) {
  while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0) {
  }
  if (last) *last = chosen;
  if (next) chosen = *next;
  __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static void *next_symbol(const char *name) { return dlsym(RTLD_NEXT, name); }

static int real_sigaction(int number, const struct sigaction *next, struct sigaction *last) {
  static action_function *real;
  if (!real) *(void **)&real = next_symbol("sigaction");
  return real(number, next, last);
}

// A fault that this thread's own instruction would have raised on a CPU with AMX. The kernel lets a process send
// itself such a one. Blocked here, it is delivered when the handler returns: at the instruction.
static void fault(int code, uint64_t address, ucontext_t *context) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGSEGV;
  info.si_code = code;
  info.si_addr = (void *)address;
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGSEGV);
  pthread_sigmask(SIG_BLOCK, &only, NULL);
  sigdelset(&context->uc_sigmask, SIGSEGV);
  amx_kernel(SYS_rt_tgsigqueueinfo, getpid(), amx_kernel(SYS_gettid, 0, 0, 0, 0, 0, 0), SIGSEGV, (long)&info, 0, 0);
}

// As the kernel does it for an action that nobody stands in front of.
static void pass_on(int number, siginfo_t *info, void *context) {
  struct sigaction action;
  const struct sigaction by_default = {.sa_handler = SIG_DFL};
  swap_chosen(NULL, &action);
  const bool is_fault = info->si_code > 0;
  if (action.sa_handler == SIG_IGN && !is_fault) return;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) {
    // The instruction is met again, or the signal sent again, and nothing catches it then.
    real_sigaction(number, &by_default, NULL);
    if (!is_fault) amx_kernel(SYS_tgkill, getpid(), amx_kernel(SYS_gettid, 0, 0, 0, 0, 0, 0), number, 0, 0, 0);
    return;
  }
  if (action.sa_flags & SA_RESETHAND) swap_chosen(&by_default, NULL);
  sigdelset(&action.sa_mask, SIGILL);
  pthread_sigmask(SIG_BLOCK, &action.sa_mask, NULL);
  if (action.sa_flags & SA_SIGINFO)
    action.sa_sigaction(number, info, context);
  else
    action.sa_handler(number);
}

static void on_illegal(int number, siginfo_t *info, void *data) {
  ucontext_t *context = data;
  struct amx_instruction one;
  uint64_t address = 0;
  const int error = errno;
  enum amx_outcome outcome = AMX_UNDEFINED;
  // Positive: from the CPU, not from somebody's kill.
  if (info->si_code > 0 && amx_decode(context, &one)) outcome = amx_execute(&state, &one, &address);
  switch (outcome) {
    case AMX_DONE:
      amx_count(one.kind);
      context->uc_mcontext.gregs[REG_RIP] += one.length;
      break;
    case AMX_PROTECTION:
      fault(SI_KERNEL, 0, context);
      break;
    case AMX_PAGE:
      fault(SEGV_MAPERR, address, context);
      break;
    case AMX_UNDEFINED:
      pass_on(number, info, data);
      break;
  }
  errno = error;
}

__attribute__((constructor)) static void begin(void) {
  struct sigaction action = {.sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  struct sigaction before;
  real_sigaction(SIGILL, &action, &before);
  swap_chosen(&before, NULL);
}

// From here on: what programs call. Their wish for SIGILL is noted; the kernel keeps our handler.

__attribute__((visibility("default"))) int sigaction(int number, const struct sigaction *next, struct sigaction *last) {
  if (number != SIGILL) return real_sigaction(number, next, last);
  swap_chosen(next, last);
  return 0;
}

static plain_handler simple(int number, plain_handler handler, int flags) {
  struct sigaction next = {.sa_handler = handler, .sa_flags = flags}, last;
  sigemptyset(&next.sa_mask);
  return sigaction(number, &next, &last) == 0 ? last.sa_handler : SIG_ERR;
}

// signal(2): glibc's own are BSD's, the others System V's.
__attribute__((visibility("default"))) plain_handler signal(int number, plain_handler handler) {
  return simple(number, handler, SA_RESTART);
}
__attribute__((visibility("default"))) plain_handler bsd_signal(int number, plain_handler handler) {
  return simple(number, handler, SA_RESTART);
}
__attribute__((visibility("default"))) plain_handler sysv_signal(int number, plain_handler handler) {
  return simple(number, handler, (int)SA_RESETHAND | SA_NODEFER);
}
__attribute__((visibility("default"))) plain_handler __sysv_signal(int number, plain_handler handler) {
  return simple(number, handler, (int)SA_RESETHAND | SA_NODEFER);
}

// A blocked SIGILL kills at the first tile instruction, which on a CPU with AMX raises none.
static int unblocked(const char *name, int how, const sigset_t *set, sigset_t *last) {
  mask_function *real;
  *(void **)&real = next_symbol(name);
  sigset_t without;
  if (!set || how == SIG_UNBLOCK) return real(how, set, last);
  without = *set;
  sigdelset(&without, SIGILL);
  return real(how, &without, last);
}
__attribute__((visibility("default"))) int sigprocmask(int how, const sigset_t *set, sigset_t *last) {
  return unblocked("sigprocmask", how, set, last);
}
__attribute__((visibility("default"))) int pthread_sigmask(int how, const sigset_t *set, sigset_t *last) {
  return unblocked("pthread_sigmask", how, set, last);
}
