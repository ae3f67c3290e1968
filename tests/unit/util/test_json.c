/* What the writer writes, byte by byte. */
#include <math.h>
#include <stdlib.h>
#include "common/runner.h"
#include "util/json.h"

static void write_all(struct json_writer *j)
{
	json_write_object(j, NULL);
	json_write_string(j, "s", "a\"b\\c\n\x7f");
	json_write_string(j, "text",
		"ma\xc3\xb1"
		"ana");
	json_write_string(j, "broken",
		"a\xc3"
		"b\xff");
	json_write_string(j, "none", NULL);
	json_write_array(j, "list");
	json_write_uint(j, NULL, 0);
	json_write_uint(j, NULL, UINT64_MAX);
	json_write_object(j, NULL);
	json_write_end(j);
	json_write_array(j, NULL);
	json_write_bool(j, NULL, true);
	json_write_end(j);
	json_write_end(j);
	json_write_double(j, "d", 1.5, 3);
	json_write_double(j, "g", 1e9, -1);
	json_write_double(j, "nan", (double)NAN, 3);
	json_write_end(j);
}

static char *written(unsigned lines)
{
	char *buf = NULL;
	size_t n = 0;
	struct json_writer j = {.file = open_memstream(&buf, &n), .lines = lines};

	ck_assert_ptr_nonnull(j.file);
	write_all(&j);
	ck_assert_uint_eq(j.depth, 0);
	fclose(j.file);
	return buf;
}

START_TEST(compact)
{
	char *s = written(0);

	ck_assert_str_eq(s, "{\"s\":\"a\\\"b\\\\c\\u000a\\u007f\",\"text\":\"ma\xc3\xb1"
			    "ana\","
			    "\"broken\":\"a\xef\xbf\xbd"
			    "b\xef\xbf\xbd\",\"none\":null,"
			    "\"list\":[0,18446744073709551615,{},[true]],"
			    "\"d\":1.500,\"g\":1e+09,\"nan\":null}");
	free(s);
}
END_TEST

START_TEST(on_lines)
{
	char *s = written(1);

	ck_assert_str_eq(s, "{\n  \"s\": \"a\\\"b\\\\c\\u000a\\u007f\",\n  \"text\": \"ma\xc3\xb1"
			    "ana\",\n  \"broken\": \"a\xef\xbf\xbd"
			    "b\xef\xbf\xbd\",\n  \"none\": null,\n"
			    "  \"list\": [0, 18446744073709551615, {}, [true]],\n"
			    "  \"d\": 1.500,\n  \"g\": 1e+09,\n  \"nan\": null\n}");
	free(s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("json");
	Suite *s = suite_create("json");

	tcase_add_test(tc, compact);
	tcase_add_test(tc, on_lines);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
