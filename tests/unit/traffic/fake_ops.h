/* What the fakes' files share. */
#pragma once

#include "fake.h"

extern const struct rv_service_ops fake_service_ops, fake_service_lines_ops;
extern const struct rv_backend_ops fake_backend_ops;

/* The host that the backend was given. */
extern const struct rv_host *fake_host;
