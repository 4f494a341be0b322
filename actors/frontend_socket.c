/* SPDX-License-Identifier: MIT */
/* frontend_socket - the gateway's socket to the outside: its options and its address.  Layer
 * actors. */
#include "actors/frontend.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <czmq.h>

enum {
    ZMQ_ZAP_ENFORCE_DOMAIN_OPTION =
        93, /* a draft name, which Debian's header lacks; the option works */
};

static void
set_public_options(fsp_frontend_t *self)
{
    zsock_t *router = self->router;
    char public_text[FSP_CURVE_TEXT_BYTES], secret_text[FSP_CURVE_TEXT_BYTES];
    fsp_z85_encode(self->args->curve_public, 32, public_text);
    fsp_z85_encode(self->args->curve_secret.bytes, 32, secret_text);
    zsock_set_zap_domain(router, "filesphere");
    zsock_set_curve_server(router, 1);
    zsock_set_curve_publickey(router, public_text);
    zsock_set_curve_secretkey(router, secret_text);
    fsp_wipe(secret_text, sizeof(secret_text));
    int enforce = 1;
    (void)zmq_setsockopt(self->router_handle, ZMQ_ZAP_ENFORCE_DOMAIN_OPTION, &enforce,
                         sizeof(enforce));
    zsock_set_router_mandatory(router, 1);
    zsock_set_maxmsgsize(router, FSP_SOCKET_MESSAGE_BYTES_MAX);
    zsock_set_handshake_ivl(router, 3000);
    zsock_set_sndhwm(router, 100000); /* a net: bytes are counted (frontend_flow.c) */
    zsock_set_rcvhwm(router, 256);
    zsock_set_backlog(router, 512);
    zsock_set_linger(router, 1000);
    zsock_set_tcp_keepalive(router, 1);
    zsock_set_tcp_keepalive_idle(router, 30);
    zsock_set_tcp_keepalive_intvl(router, 5);
    zsock_set_tcp_keepalive_cnt(router, 3);
}

/* tcp://HOST:PORT.  libzmq would cut a port above 65535 to 16 bits, and takes transports that no
 * client can reach. */
static bool
is_listen_address(const char *listen)
{
    static const char transport[] = "tcp://";
    if (strncmp(listen, transport, sizeof(transport) - 1) != 0)
        return false;
    const char *host = listen + sizeof(transport) - 1;
    const char *colon = strrchr(host, ':');
    if (!colon || colon == host)
        return false;
    uint64_t port = 0;
    return streq(colon + 1, "*") ||
           (fsp_parse_u64(fsp_slice_text(colon + 1), UINT16_MAX, &port) == FSP_OK && port > 0);
}

fsp_status_t
fsp_frontend_listen(fsp_frontend_t *self, fsp_error_t *error)
{
    if (!is_listen_address(self->args->listen))
        return fsp_error_set(error, FSP_INVALID, "cannot listen on %s: give tcp://HOST:PORT",
                             self->args->listen);
    self->router = zsock_new(ZMQ_ROUTER);
    FSP_ASSERT(self->router != NULL);
    self->router_handle = zsock_resolve(self->router);
    set_public_options(self);
    if (zsock_bind(self->router, "%s", self->args->listen) == -1)
        return fsp_error_set(error, FSP_IO, "cannot listen on %s: %s", self->args->listen,
                             zmq_strerror(errno));
    const char *endpoint = zsock_endpoint(self->router);
    (void)snprintf(self->args->endpoint, sizeof(self->args->endpoint), "%s",
                   endpoint ? endpoint : "");
    return FSP_OK;
}
