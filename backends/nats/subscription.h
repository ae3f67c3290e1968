/* What an instance is subscribed to: its subject, and the questions about services. */
#pragma once

#include "nats/services.h"

natsStatus nats_subscribe(struct nats_instance *);
/* At once; what has come and is not served is forgotten. */
void nats_unsubscribe(struct nats_instance *);
/* Has the broker not let us? Without the subscription nobody is served. */
bool nats_is_refused(const struct nats_instance *, const char **ret_why);
