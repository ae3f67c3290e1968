/* The module that speaks NATS, <natslink/natslink.h>, loaded when it is first asked for. */
#pragma once

#include "natslink/natslink.h"
#include "util/macro.h"

/* 0; -ELIBACC: there is none; -ELIBBAD: it is one of another version. Any thread. */
int nats_module_get(const struct natslink_ops **ret) MUST_CHECK;
