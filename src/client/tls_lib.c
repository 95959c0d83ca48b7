#include "tls_lib.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libssl.so.3"

#define PLACE(result, name, args) {#name, offsetof(tls_lib_t, name)},

tls_lib_t openssl;

static const struct {
    const char *name;
    size_t offset;
} places[] = {TLS_LIB_CALLS(PLACE)};


const char *
tls_lib_open(void)
{
    size_t i;
    void *lib, *call;

    lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) {
        return "OpenSSL (" LIBRARY ") is not installed";
    }

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        call = dlsym(lib, places[i].name);
        if (call == NULL) {
            return "OpenSSL (" LIBRARY ") is too old";
        }

        memcpy((char *) &openssl + places[i].offset, &call, sizeof(call));
    }

    return openssl.OPENSSL_init_ssl(0, NULL) == 1
               ? NULL
               : "OpenSSL cannot be initialized";
}
