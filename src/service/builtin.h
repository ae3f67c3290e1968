/* The services that are part of the daemon; plugins bring others. */
#pragma once

#include <revd/service.h>

extern const struct rv_service_ops reverse_service;
extern const struct rv_service_ops echo_service;
