#include "nats/subscription.h"

/* Our subject last: the last complaint of the broker is about that then, if it is not let
 * us have it. */
natsStatus nats_subscribe(struct nats_instance *in)
{
	natsStatus s = nats_services_subscribe(in);

	s = s == NATS_OK ? natsConnection_QueueSubscribeSync(
				   &in->sub, in->nc, in->ep->subject, in->ep->queue)
			 : s;
	/* what we take of it is bounded by max_pending, and who waits longest is told */
	return s == NATS_OK ? natsSubscription_SetPendingLimits(in->sub, -1, -1) : s;
}

bool nats_is_refused(const struct nats_instance *in, const char **ret_why)
{
	return natsConnection_GetLastError(in->nc, ret_why) == NATS_NOT_PERMITTED &&
	       strstr(*ret_why, "Subscription to") && strstr(*ret_why, in->ep->subject);
}

void nats_unsubscribe(struct nats_instance *in)
{
	nats_services_unsubscribe(&in->services);
	natsSubscription_Destroy(in->sub);
	in->sub = NULL;
}
