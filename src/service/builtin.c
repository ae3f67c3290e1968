#include "service/builtin.h"

#include <stddef.h>

const struct rv_service_ops *const services_builtin[] = {
	&reverse_service,
	&echo_service,
	&refuse_service,
	NULL,
};
