/* Small things that every file needs: sizes, cleanup attributes, hand-over. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MUST_CHECK __attribute__((warn_unused_result))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Owning locals: the function is called with the variable's value when it
 * leaves its scope. Success hands over with TAKE_PTR() or TAKE_FD(). */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define DEFINE_CLEANUP(type, fn)           \
	static inline void fn##_p(type *p) \
	{                                  \
		if (*p) {                  \
			fn(*p);            \
		}                          \
	}                                  \
	struct macro_semicolon

static inline void free_p(void *p)
{
	free(*(void **)p);
}

#define CLEANUP_FREE CLEANUP(free_p)

#define TAKE_PTR(p)                        \
	__extension__({                    \
		__typeof__(p) take_ = (p); \
		(p) = NULL;                \
		take_;                     \
	})
#define TAKE_FD(fd)               \
	__extension__({           \
		int take_ = (fd); \
		(fd) = -1;        \
		take_;            \
	})
