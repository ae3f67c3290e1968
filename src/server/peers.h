/*
 * What PEERS answers: a page of those who are there, as JSON, and where the next page
 * begins. The daemon keeps nothing between two pages, and looks at a bounded number of
 * places for peers for each. Main thread.
 */
#pragma once

#include "server/endpoint.h"

/* Answers all who have asked. */
void peers_answer(struct endpoints *);
