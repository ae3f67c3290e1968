#include "service/builtin.h"

#include <stddef.h>

extern const struct rv_service_ops reverse_service;
extern const struct rv_service_ops echo_service;
extern const struct rv_service_ops mean_service;
extern const struct rv_service_ops exec_service;
extern const struct rv_service_ops refuse_service;

const struct rv_service_ops *const services_builtin[] = {
	&reverse_service,
	&echo_service,
	&mean_service,
	&exec_service,
	&refuse_service,
	NULL,
};
