/* Run-length decoding: unpack(b"\x03a\x01b") is b"aaab". */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *unpack(PyObject *module, PyObject *packed)
{
    char *from;
    Py_ssize_t size, length = 0;
    if (PyBytes_AsStringAndSize(packed, &from, &size) < 0)
        return NULL;
    char *out = malloc(size / 2 * 255 + 1);
    if (out == NULL)
        return PyErr_NoMemory();
    for (Py_ssize_t at = 0; at < size; at += 2) {
        if (at + 1 == size) {
            PyErr_SetString(PyExc_ValueError, "a count without its byte");
            return NULL;
        }
        memset(out + length, from[at + 1], (unsigned char)from[at]);
        length += (unsigned char)from[at];
    }
    PyObject *unpacked = PyBytes_FromStringAndSize(out, length);
    free(out);
    return unpacked;
}

static PyMethodDef functions[] = {{"unpack", unpack, METH_O, NULL}, {NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "rle", NULL, -1, functions};

PyMODINIT_FUNC PyInit_rle(void)
{
    return PyModule_Create(&definition);
}
