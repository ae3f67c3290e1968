/* The services that are part of the daemon; plugins bring others. */
#pragma once

#include <revd/service.h>

/* All of them; NULL behind the last. */
extern const struct rv_service_ops *const services_builtin[];
