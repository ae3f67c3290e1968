/* A bare responder, as anybody would write it: what a service on NATS is compared with. */
#include "natslink/echo.h"

#include <nats/nats.h>
#include <unistd.h>
#include "natslink/options.h"

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
	(void)sub;
	(void)closure;
	if (natsMsg_GetReply(msg)) {
		(void)natsConnection_Publish(nc, natsMsg_GetReply(msg), natsMsg_GetData(msg),
			natsMsg_GetDataLength(msg));
	}
	natsMsg_Destroy(msg);
}

int echo_run(const char *url, const char *subject, char why[NATSLINK_WHY])
{
	natsOptions *opts = NULL;
	natsConnection *nc = NULL;
	natsSubscription *sub = NULL;
	natsStatus s = natsOptions_Create(&opts);
	int r;

	s = s != NATS_OK ? s : natsOptions_SetURL(opts, url);
	/* else a thread flushes, 1 ms later */
	s = s != NATS_OK ? s : natsOptions_SetSendAsap(opts, true);
	s = s != NATS_OK ? s : natsConnection_Connect(&nc, opts);
	s = s != NATS_OK
		    ? s
		    : natsConnection_QueueSubscribe(&sub, nc, subject, "echo", on_message, NULL);
	s = s != NATS_OK ? s : natsConnection_Flush(nc);
	while (s == NATS_OK) {
		pause();
	}
	r = options_explain(s, why);
	natsSubscription_Destroy(sub);
	natsConnection_Destroy(nc);
	natsOptions_Destroy(opts);
	return r;
}
