#pragma once

#include <Python.h>

#ifndef Py_LIMITED_API
#error "The library is abi3: compile it with Py_LIMITED_API"
#endif

// Importing the library only has to load it: the operators register themselves with PyTorch when
// its static objects are made. So the module stays empty, and one library serves every Python.
#define VLLM_CPU_SAMPLE_EMPTY_MODULE(NAME)                                                \
  PyMODINIT_FUNC PyInit_##NAME() {                                                        \
    static PyModuleDef definition = {                                                     \
        PyModuleDef_HEAD_INIT, #NAME, nullptr, 0, nullptr, nullptr, nullptr, nullptr, nullptr}; \
    return PyModule_Create(&definition);                                                  \
  }
