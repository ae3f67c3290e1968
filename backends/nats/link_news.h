/* What a link tells the worker, see link.h. */
#pragma once

enum nats_link_event {
	NATS_LINK_UP = 1u << 0,      /* nats_link_take() has the connection */
	NATS_LINK_DOWN = 1u << 1,    /* it could not be made, for `why`; another try follows */
	NATS_LINK_ANSWER = 1u << 2,  /* the broker has taken and sent all up to the question */
	NATS_LINK_SILENCE = 1u << 3, /* it did not say so in time */
	NATS_LINK_WRITE = 1u << 4,   /* the library has something to send */
	NATS_LINK_ERROR = 1u << 5,   /* the broker complains of something: `why` */
};

struct nats_link_news {
	unsigned events; /* enum nats_link_event */
	char why[256];
};
