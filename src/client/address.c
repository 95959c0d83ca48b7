#include "address.h"

#include <arpa/inet.h>
#include <string.h>

_Static_assert(ADDRESS_SIZE > INET6_ADDRSTRLEN, "all have room");


bool
address_write(char *out, const char *address)
{
    struct in_addr four;
    struct in6_addr six;

    if (strcmp(address, "unix:") == 0) {
        strcpy(out, "127.0.0.1");
        return true;
    }

    if (inet_pton(AF_INET, address, &four) == 1) {
        return inet_ntop(AF_INET, &four, out, ADDRESS_SIZE) != NULL;
    }

    if (inet_pton(AF_INET6, address, &six) != 1) {
        return false;
    }

    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        return inet_ntop(AF_INET, six.s6_addr + 12, out, ADDRESS_SIZE) != NULL;
    }

    if (inet_ntop(AF_INET6, &six, out + 1, ADDRESS_SIZE - 1) == NULL) {
        return false;
    }

    if (out[1] == ':') {
        out[0] = '0';

    } else {
        memmove(out, out + 1, strlen(out + 1) + 1);
    }

    return true;
}
