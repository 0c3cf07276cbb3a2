/**
 * Functions of newer libstdc++ that compilers and headers put into code by themselves, and that the libstdc++ of
 * manylinux_2_28 (GCC 8, GLIBCXX_3.4.24) lacks. Each is defined once more, hidden, and taken by a library only where it
 * needs it. Whatever else is newer ends the build. Source: libstdc++ manual, "ABI Policy and Guidelines", symbol
 * versions; auditwheel's policies.
 */
interface Missing {
  /** Symbol version that has it, and why code comes to need it. */
  because: string;
  symbol: string;
  headers: readonly string[];
  /** What it returns, and its parameters. */
  signature: readonly [result: string, parameters: string];
  body: string;
  /** Beside it in the same object. */
  beside?: string;
}

const stream = (name: string, mangled: string, mode: string): Missing => ({
  because: "GLIBCXX_3.4.26: a stream in a string that is made without a mode",
  symbol: mangled,
  headers: ["new", "sstream"],
  signature: ["void", `std::${name}* self`],
  body: `::new (self) std::${name}(${mode});`,
});

const MISSING: Readonly<Record<string, Missing>> = {
  ostringstream: stream(
    "ostringstream",
    "_ZNSt7__cxx1119basic_ostringstreamIcSt11char_traitsIcESaIcEEC1Ev",
    "std::ios_base::out",
  ),
  istringstream: stream(
    "istringstream",
    "_ZNSt7__cxx1119basic_istringstreamIcSt11char_traitsIcESaIcEEC1Ev",
    "std::ios_base::in",
  ),
  stringstream: stream(
    "stringstream",
    "_ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev",
    "std::ios_base::in | std::ios_base::out",
  ),
  stringbuf: stream(
    "stringbuf",
    "_ZNSt7__cxx1115basic_stringbufIcSt11char_traitsIcESaIcEEC1Ev",
    "std::ios_base::in | std::ios_base::out",
  ),
  throw_bad_array_new_length: {
    because: "GLIBCXX_3.4.29: new[] with a size that can't be",
    symbol: "_ZSt28__throw_bad_array_new_lengthv",
    headers: ["new"],
    signature: ["[[noreturn]] void", ""],
    body: "throw std::bad_array_new_length();",
  },
  condition_variable_wait: {
    because: "GLIBCXX_3.4.30: waiting for a condition, which got a new version and no other meaning",
    symbol: "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE",
    headers: ["condition_variable", "mutex", "pthread.h"],
    signature: ["void", "std::condition_variable* self, std::unique_lock<std::mutex>& lock"],
    body: "pthread_cond_wait(self->native_handle(), lock.mutex()->native_handle());",
  },
  glibcxx_assert_fail: {
    because: "GLIBCXX_3.4.30: a failed assertion of the library's own",
    symbol: "_ZSt21__glibcxx_assert_failPKciS0_S0_",
    headers: ["cstdio", "cstdlib"],
    signature: [
      "[[noreturn]] void",
      "const char* file, int line, const char* function, const char* condition",
    ],
    body: "std::fprintf(stderr, \"%s:%d: %s: Assertion '%s' failed.\\n\", file, line, function, condition);\n  std::abort();",
  },
  string_replace_cold: {
    because: "GLIBCXX_3.4.31: replacing a part of a string by a part of itself, which GCC 13 and newer call",
    symbol: "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm",
    headers: ["cstring", "string"],
    signature: [
      "void",
      "std::string*, char* place, std::size_t old_size, const char* text, std::size_t size, std::size_t rest",
    ],
    body: `if (size && size <= old_size) std::memmove(place, text, size);
  if (rest && old_size != size) std::memmove(place + size, place + old_size, rest);
  if (size <= old_size) return;
  if (text + size <= place + old_size) {
    std::memmove(place, text, size);
  } else if (text >= place + old_size) {
    std::memcpy(place, text + (size - old_size), size);
  } else {
    const std::size_t left = static_cast<std::size_t>(place + old_size - text);
    std::memmove(place, text, left);
    std::memcpy(place + left, place + size, size - left);
  }`,
  },
  ios_base_library_init: {
    because:
      "GLIBCXX_3.4.32: <iostream> has the library set up the standard streams, which an older one does by this object",
    symbol: "_ZSt21ios_base_library_initv",
    headers: ["ios"],
    signature: ["void", ""],
    body: "",
    beside: "static std::ios_base::Init streams;",
  },
  cxa_call_terminate: {
    because: "CXXABI_1.3.15: an exception leaves a function that must not throw",
    symbol: "__cxa_call_terminate",
    headers: ["exception"],
    signature: ["[[noreturn]] void", "void* thrown"],
    body: "if (thrown) __cxa_begin_catch(thrown);\n  std::terminate();",
    beside: 'extern "C" void* __cxa_begin_catch(void*) noexcept;',
  },
};

const sourceOf = ({
  because,
  symbol,
  headers,
  signature: [result, parameters],
  body,
  beside,
}: Missing): string =>
  [
    `// ${because}`,
    ...headers.map((header) => `#include <${header}>`),
    ...(beside === undefined ? [] : [beside]),
    `${result} __attribute__((visibility("hidden"))) compat(${parameters}) asm("${symbol}");`,
    `${result} compat(${parameters}) {\n  ${body}\n}`,
    "",
  ].join("\n");

/** C++ sources by name, one function each. */
export const COMPAT: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(MISSING).map(([name, missing]) => [name, sourceOf(missing)]),
);
