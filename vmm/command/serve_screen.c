/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Requests that see and drive the guest: screenshot, keys, mouse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/command/serve.h"

/* Code page 437 as Unicode: 00 to 1F and 7F as their pictures. */
static const uint16_t low_437[32] = { ' ', 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb,
	0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
	0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc };
static const uint16_t high_437[129] = { 0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea,
	0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb,
	0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1,
	0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593,
	0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
	0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c,
	0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584,
	0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9,
	0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0,
	0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0 };

static char *utf8_put(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* The screen's lines, without the blanks at their ends. */
static json_t *screen_text(const struct machine_picture *picture)
{
	char *line = malloc(3 * (size_t)picture->columns + 1);
	json_t *lines = json_array();

	for (uint32_t row = 0; line && row < picture->rows; row++) {
		char *end = line, *last = line;

		for (uint32_t column = 0; column < picture->columns; column++) {
			uint32_t code = picture->cells[(size_t)row * picture->columns + column] & 0xff;

			code = code < 0x20 ? low_437[code] : code < 0x7f ? code : high_437[code - 0x7f];
			end = utf8_put(end, code);
			if (code != ' ' && code != 0xa0)
				last = end;
		}
		json_array_append_new(lines, json_stringn(line, (size_t)(last - line)));
	}
	free(line);
	return lines;
}

static json_t *failed(const struct config_error *inner, struct control_error *error)
{
	return control_fail(error, CONTROL_FAILED, "%s", inner->text);
}

json_t *serve_screenshot(struct machine *machine, json_t *params, struct control_error *error)
{
	const char *path = json_string_value(json_object_get(params, "path"));
	const char *display = json_string_value(json_object_get(params, "display"));
	struct machine_picture picture;
	struct config_error inner = { "" };
	json_t *answer;

	if (path && path[0] != '/')
		return control_fail(error, CONTROL_INVALID_PARAMS, "\"path\" must be absolute");
	if (machine_picture(machine, display, &picture, &inner))
		return failed(&inner, error);
	if (path && png_save(path, &picture, &inner)) {
		machine_picture_free(&picture);
		return failed(&inner, error);
	}
	answer = json_pack("{s:i, s:i, s:s}", "width", (int)picture.width, "height", (int)picture.height, "mode",
		picture.cells ? "text" : "graphics");
	if (picture.cells) {
		json_object_set_new(answer, "columns", json_integer(picture.columns));
		json_object_set_new(answer, "rows", json_integer(picture.rows));
		json_object_set_new(answer, "text", screen_text(&picture));
	}
	machine_picture_free(&picture);
	return answer;
}

/* A list of keys' names and of {"text": ...}, typed in this order. */
json_t *serve_keys(struct machine *machine, json_t *params, struct control_error *error)
{
	json_t *keys = json_object_get(params, "keys"), *key;
	struct config_error inner = { "" };
	size_t index;

	if (!json_is_array(keys))
		return control_fail(error, CONTROL_INVALID_PARAMS,
			"\"keys\" must be given: a list of keys' names and of objects {\"text\": STRING}");
	json_array_foreach(keys, index, key)
	{
		const char *name = json_string_value(key);
		const char *text = json_string_value(json_object_get(key, "text"));

		if (!name && !text)
			return control_fail(error, CONTROL_INVALID_PARAMS,
				"\"keys\" is a list of strings and of objects {\"text\": STRING}");
		if (name ? machine_key(machine, name, &inner) : machine_type(machine, text, &inner))
			return failed(&inner, error);
	}
	return json_object();
}

json_t *serve_mouse(struct machine *machine, json_t *params, struct control_error *error)
{
	static const char *const words[] = { "dx", "dy", "dz", "buttons" };
	struct config_error inner = { "" };
	json_int_t values[4];

	for (unsigned i = 0; i < 4; i++) {
		json_t *value = json_object_get(params, words[i]);

		values[i] = json_integer_value(value);
		if ((value && !json_is_integer(value)) || values[i] < -32768 || values[i] > 32767 ||
			(i == 3 && (values[i] < 0 || values[i] > 31)))
			return control_fail(error, CONTROL_INVALID_PARAMS,
				"dx, dy and dz are numbers from -32768 to 32767, buttons is one from 0 to 31");
	}
	if (machine_pointer(
		    machine, (int32_t)values[0], (int32_t)values[1], (int32_t)values[2], (uint32_t)values[3], &inner))
		return failed(&inner, error);
	return json_object();
}
