include(CheckCXXSourceCompiles)

# THE HOST LEAK, on purpose. As in vLLM up to 0.16, whatever the build host's CPU can do is added
# to what the environment asked for, so a wheel built on a newer machine needs that machine.
# A builder that wants the variant it named has to hide the host: `cat` is found by PATH, and one
# that prints a poorer /proc/cpuinfo, put first there, is enough. Do not mend it here.
execute_process(
  COMMAND cat /proc/cpuinfo
  RESULT_VARIABLE cpuinfo_result
  OUTPUT_VARIABLE cpuinfo)
if(NOT cpuinfo_result EQUAL 0)
  message(FATAL_ERROR "Failed to check CPU features via /proc/cpuinfo: ${cpuinfo_result}")
endif()

function(find_isa word out)
  string(FIND "${cpuinfo}" "${word}" position)
  if(position EQUAL -1)
    set(${out} OFF PARENT_SCOPE)
  else()
    set(${out} ON PARENT_SCOPE)
  endif()
endfunction()

# What if() makes of the variable, except that a value it would quietly take for false is told.
function(read_switch name out)
  set(value "$ENV{${name}}")
  string(TOUPPER "${value}" upper)
  if(upper MATCHES "^(1|ON|YES|TRUE|Y|[2-9]|[1-9][0-9]+)$")
    set(${out} ON PARENT_SCOPE)
    message(STATUS "${name}=${value}")
  else()
    set(${out} OFF PARENT_SCOPE)
    if(NOT upper MATCHES "^(|0|OFF|NO|FALSE|N)$")
      message(WARNING "${name}=${value} is neither true nor false and counts as false.")
    endif()
  endif()
endfunction()

read_switch(VLLM_CPU_AVX2 ask_avx2)
read_switch(VLLM_CPU_AVX512 ask_avx512)
read_switch(VLLM_CPU_AVX512VNNI ask_avx512vnni)
read_switch(VLLM_CPU_AVX512BF16 ask_avx512bf16)
read_switch(VLLM_CPU_AMXBF16 ask_amxbf16)

set(avx512_disabled OFF)
if("$ENV{VLLM_CPU_DISABLE_AVX512}" STREQUAL "true")
  set(avx512_disabled ON)
elseif(NOT "$ENV{VLLM_CPU_DISABLE_AVX512}" MATCHES "^(|0|false)$")
  message(WARNING "VLLM_CPU_DISABLE_AVX512=$ENV{VLLM_CPU_DISABLE_AVX512} does not count: "
                  "only the string 'true' does.")
endif()

set(isa_flags "")
set(isa_features "")
# All that the compiler is let loose with, in cpuinfo's words: more than the features' names.
set(required_cpu_flags "")

# A try with the flag alone would pass where the assembler is too old for what the flag makes.
function(compiler_makes label statement out)
  string(MAKE_C_IDENTIFIER "COMPILES_${label}" result)
  set(CMAKE_REQUIRED_FLAGS "${ARGN}")
  string(REPLACE ";" " " CMAKE_REQUIRED_FLAGS "${CMAKE_REQUIRED_FLAGS}")
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  check_cxx_source_compiles("#include <immintrin.h>\n${statement}" ${result})
  set(${out} "${${result}}" PARENT_SCOPE)
endfunction()

# label and switch as vLLM spells them; feature words as cpuinfo does, the last one decides.
function(optional_isa label asked switch features flags statement)
  list(GET features -1 word)
  find_isa(${word} found)
  if(NOT found AND NOT asked)
    message(WARNING "Disable ${label} ISA support, no ${word} found in local CPU flags. "
                    "If cross-compilation is required, please set env ${switch}=1.")
    return()
  endif()
  compiler_makes(${label} "${statement}" works ${flags})
  if(NOT works)
    list(JOIN flags " " shown)
    message(WARNING "Disable ${label} ISA support, ${CMAKE_CXX_COMPILER_ID} "
                    "${CMAKE_CXX_COMPILER_VERSION} and its assembler can't compile ${shown}.")
    return()
  endif()
  foreach(name IN ITEMS isa_flags isa_features required_cpu_flags)
    set(list_now "${${name}}")
    if(name STREQUAL "isa_flags")
      list(APPEND list_now ${flags})
    else()
      list(APPEND list_now ${features})
    endif()
    set(${name} "${list_now}" PARENT_SCOPE)
  endforeach()
endfunction()

find_isa(avx2 avx2_found)
find_isa(avx512f avx512_found)
if(ask_avx2)
  set(avx2_found ON)
endif()
if(ask_avx512)
  set(avx512_found ON)
endif()

if(avx512_found AND NOT avx512_disabled)
  set(isa_flags -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  set(isa_features avx2 avx512f)
  set(required_cpu_flags avx2 fma avx512f avx512bw avx512dq avx512vl)
  compiler_makes(AVX512 "__m512i f(__m512i a) { return _mm512_madd_epi16(a, a); }" works
                 ${isa_flags})
  if(NOT works)
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} can't compile AVX512.")
  endif()
  optional_isa(AVX512-VNNI ${ask_avx512vnni} VLLM_CPU_AVX512VNNI "avx512_vnni" "-mavx512vnni"
               "__m512i f(__m512i a) { return _mm512_dpbusd_epi32(a, a, a); }")
  optional_isa(AVX512-BF16 ${ask_avx512bf16} VLLM_CPU_AVX512BF16 "avx512_bf16" "-mavx512bf16"
               "__m512 f(__m512 a, __m512bh b) { return _mm512_dpbf16_ps(a, b, b); }")
  optional_isa(AMX_BF16 ${ask_amxbf16} VLLM_CPU_AMXBF16 "amx_tile;amx_bf16"
               "-mamx-tile;-mamx-bf16" "void f() { _tile_dpbf16ps(0, 1, 2); }")
elseif(avx2_found)
  message(WARNING "vLLM CPU sample using AVX2 ISA")
  set(isa_flags -mavx2 -mfma)
  set(isa_features avx2)
  set(required_cpu_flags avx2 fma)
  foreach(name IN ITEMS AVX512VNNI AVX512BF16 AMXBF16)
    string(TOLOWER "ask_${name}" asked)
    if(${asked})
      message(WARNING "VLLM_CPU_${name} does not count: AVX512 is "
                      "not asked for, not found, or disabled.")
    endif()
  endforeach()
else()
  message(FATAL_ERROR "vLLM CPU sample needs AVX2 or AVX512: neither is in local CPU flags, "
                      "VLLM_CPU_AVX2 and VLLM_CPU_AVX512 are not set, "
                      "or VLLM_CPU_DISABLE_AVX512 took the only one.")
endif()

list(JOIN isa_features "," isa_shown)
message(STATUS "CPU extension compile flags: ${isa_flags}")
message(STATUS "CPU extension ISA: ${isa_shown}")

# Kernels stand apart and see no PyTorch header. An inline function of a header, compiled with
# these flags, is one of many copies of which the linker keeps any: it could pick the AVX512 one
# for code that runs everywhere.
add_library(kernels OBJECT
            csrc/cpu/compiled_isa.cpp
            csrc/cpu/int8_gemv.cpp
            csrc/cpu/bf16_gemv.cpp
            csrc/cpu/bf16_matmul.cpp
            csrc/cpu/rms_norm.cpp
            csrc/cpu/silu_and_mul.cpp)
target_compile_options(kernels PRIVATE ${isa_flags} -Wall -Wextra -fno-exceptions
                       -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 warns of its own AVX512 header some fifty times, wrongly.
  target_compile_options(kernels PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
target_include_directories(kernels PRIVATE csrc)

Python_add_library(_C MODULE USE_SABI 3.8 WITH_SOABI
                   csrc/module.cpp
                   csrc/torch_bindings.cpp
                   csrc/tile_permission.cpp)
# at::parallel_for is a template over an OpenMP pragma: without the flag it runs on one thread.
target_compile_options(_C PRIVATE -Wall -Wextra -fopenmp)
target_link_options(_C PRIVATE -fopenmp)
target_include_directories(_C PRIVATE csrc)
# PyTorch's warnings are not ours to see.
target_include_directories(_C SYSTEM PRIVATE ${TORCH_INCLUDE_DIRS})
target_link_libraries(_C PRIVATE kernels torch)
install(TARGETS _C LIBRARY DESTINATION vllm_cpu_sample COMPONENT _C)

# The package reads this before it loads the library, so it must be plain Python.
function(as_python_strings out)
  set(words "${ARGN}")
  list(TRANSFORM words REPLACE "(.+)" "\"\\1\",")
  list(JOIN words " " text)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()
as_python_strings(python_isa_features ${isa_features})
as_python_strings(python_required_cpu_flags ${required_cpu_flags})
configure_file(cmake/build_info.py.in _build_info.py @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/_build_info.py" DESTINATION vllm_cpu_sample
        COMPONENT _C)
