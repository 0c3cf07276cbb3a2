#include "tile_permission.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vllm_cpu_sample {
namespace {

// From asm/prctl.h, which is too old for them on the systems that wheels are built on.
constexpr long kArchReqXcompPerm = 0x1023;
constexpr long kXfeatureXtiledata = 18;

}  // namespace

int tile_permission_error() {
  // The answer holds for every thread of the process.
  static const int error =
      syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtiledata) == 0 ? 0 : errno;
  return error;
}

}  // namespace vllm_cpu_sample
