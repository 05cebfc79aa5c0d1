/* The FNV-1a hash, 64 bits (draft-eastlake-fnv). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

static const uint64_t OFFSET_BASIS = UINT64_C(14695981039346656037);
static const uint64_t PRIME = UINT64_C(1099511628211);

static PyObject *fnv1a(PyObject *self, PyObject *argument)
{
    Py_buffer data;
    uint64_t hash = OFFSET_BASIS;

    (void)self;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < data.len; i++)
        hash = (hash ^ ((const uint8_t *)data.buf)[i]) * PRIME;
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLongLong(hash);
}

static PyMethodDef methods[] = {
    {"fnv1a", fnv1a, METH_O, "fnv1a(data) -> int: the 64-bit FNV-1a hash of bytes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_fnv", "The FNV-1a hash.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__fnv(void)
{
    return PyModuleDef_Init(&module);
}
