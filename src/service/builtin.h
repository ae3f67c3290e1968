/* The services that are part of the daemon; plugins bring others. */
#pragma once

#include <revd/service.h>

extern const struct rv_service_ops reverse_service;
extern const struct rv_service_ops echo_service;
extern const struct rv_service_ops refuse_service;

/* All of them; NULL behind the last. */
extern const struct rv_service_ops *const services_builtin[];
