#include "bench/out.h"
void out_json(FILE *f, const struct results *r){(void)f;(void)r;}
