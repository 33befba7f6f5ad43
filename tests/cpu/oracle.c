/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * oracle: run random instructions on the host CPU and in the engine, and compare everything.
 *
 *	oracle [--seed N] [--count N] [--seconds N] [--tier T0|T1] [--class NAME] [--width 16|32|64]
 *	       [--only SEED:INDEX] [--model NAME]
 *
 * Exit status: 0 all agree, 1 differences (each a line with its reproducer), 2 wrong usage, 77 the host does not
 * let us (no modify_ldt; for 64-bit code: no FSGSBASE).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/cpu/case.h"
#include "tests/cpu/rows.h"

struct options {
	uint64_t seed, count, only_index;
	double seconds;
	int class_number;
	unsigned width; /* 0: any */
	unsigned tier;
	bool only;
	const char *model;
};

struct oracle {
	struct options options;
	struct native *native;
	struct engine *engine;
	struct outcome *outcomes;
	uint64_t compared[CLASSES], different[CLASSES], failures;
};

#define FAILURES_SHOWN 40u

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void failure_print(struct oracle *o, uint64_t index, const struct oracle_case *c, const char *text)
{
	char bytes[3 * 24 + 1] = "";
	for (unsigned i = 0; i < c->length; i++)
		snprintf(bytes + 3 * i, 4, "%02x ", c->bytes[i]);
	char options[48] = "";
	if (o->options.class_number >= 0)
		snprintf(options, sizeof(options), " --class %s",
			generate_class_name((unsigned)o->options.class_number));
	if (o->options.width)
		snprintf(options + strlen(options), sizeof(options) - strlen(options), " --width %u", o->options.width);
	printf("--only %llu:%llu%s %s-bit%s%s%s %s: %s:%s\n", (unsigned long long)o->options.seed,
		(unsigned long long)index, options,
		c->code64           ? "64"
			: c->code16 ? "16"
				    : "32",
		c->legacy || c->code64 ? "" : " compatibility", c->high ? " high" : "", c->edge ? " edge" : "",
		oracle_rows[c->row].name, bytes, text);
}

static void state_print(const struct oracle_case *c)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15" };
	for (unsigned i = 0; i < (c->code64 ? 16 : 8); i++)
		printf("%s %016llx%c", names[i], (unsigned long long)c->gpr[i], i % 4 == 3 ? '\n' : ' ');
	printf("eflags %06x fs %llx gs %llx edge %u\n", c->eflags, (unsigned long long)c->fs_base,
		(unsigned long long)c->gs_base, c->edge);
	printf("fcw %04x fsw %04x ftw %02x mxcsr %04x target %x\n", c->fx.fcw, c->fx.fsw, c->fx.ftw, c->fx.mxcsr,
		c->target);
	for (unsigned i = 0; i < 8; i++) {
		uint64_t v[2], x[2];
		memcpy(v, c->fx.st[i], 16);
		memcpy(x, c->fx.xmm[i], 16);
		printf("st%u %04llx:%016llx xmm%u %016llx:%016llx\n", i, (unsigned long long)(v[1] & 0xffff),
			(unsigned long long)v[0], i, (unsigned long long)x[1], (unsigned long long)x[0]);
	}
}

static void batch_compare(struct oracle *o, uint64_t index, unsigned count)
{
	const struct oracle_case *cases = native_cases(o->native);
	const struct outcome *outcomes = native_outcomes(o->native);
	char text[2000];
	for (unsigned i = 0; i < count; i++) {
		unsigned class = generate_row_class(cases[i].row);
		o->compared[class]++;
		if (!compare_outcomes(&cases[i], &outcomes[i], &o->outcomes[i], text, sizeof(text)))
			continue;
		o->different[class]++;
		if (o->failures++ < FAILURES_SHOWN)
			failure_print(o, index + i, &cases[i], text);
	}
}

static void run(struct oracle *o)
{
	struct options *p = &o->options;
	struct oracle_case *cases = native_cases(o->native);
	double end = p->seconds > 0 ? now() + p->seconds : 0;
	generate_template(p->seed, native_template(o->native));
	for (uint64_t index = p->only ? p->only_index : 0, last = index + p->count; index < last;) {
		unsigned count = last - index < BATCH ? (unsigned)(last - index) : BATCH;
		for (unsigned i = 0; i < count; i++)
			generate_case(p->seed, index + i, p->class_number, p->width, &cases[i]);
		if (p->only)
			state_print(&cases[0]);
		native_start(o->native, count);
		engine_run(o->engine, cases, count, native_template(o->native), o->outcomes);
		unsigned died = native_finish(o->native);
		if (died) {
			o->failures++;
			failure_print(o, index + died - 1, &cases[died - 1], " the native child died");
		} else {
			batch_compare(o, index, count);
		}
		index += count;
		if (end > 0 && now() >= end)
			break;
	}
}

static bool options_read(int count, char **arguments, struct options *p)
{
	*p = (struct options){ .seed = 1, .count = 1000000, .class_number = -1 };
	bool counted = false;
	for (int i = 1; i < count; i += 2) {
		const char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
		if (!value)
			return false;
		if (!strcmp(name, "--seed")) {
			p->seed = strtoull(value, NULL, 0);
		} else if (!strcmp(name, "--count")) {
			p->count = strtoull(value, NULL, 0);
			counted = true;
		} else if (!strcmp(name, "--seconds")) {
			p->seconds = strtod(value, NULL);
		} else if (!strcmp(name, "--model")) {
			p->model = value;
		} else if (!strcmp(name, "--tier")) {
			if (strlen(value) != 2 || value[0] != 'T' || value[1] < '0' || value[1] > '1')
				return false;
			p->tier = (unsigned)(value[1] - '0');
		} else if (!strcmp(name, "--width")) {
			p->width = (unsigned)strtoul(value, NULL, 10);
			if (p->width != 16 && p->width != 32 && p->width != 64)
				return false;
		} else if (!strcmp(name, "--class")) {
			p->class_number = generate_class_number(value);
			if (p->class_number < 0)
				return false;
		} else if (!strcmp(name, "--only")) {
			char *end;
			p->seed = strtoull(value, &end, 0);
			if (*end != ':')
				return false;
			p->only_index = strtoull(end + 1, NULL, 0);
			p->only = true;
		} else {
			return false;
		}
	}
	if (!generate_class_width(p->class_number, p->width)) {
		fprintf(stderr, "oracle: class %s has no %u-bit cases\n",
			generate_class_name((unsigned)p->class_number), p->width);
		return false;
	}
	if (p->only)
		p->count = 1;
	else if (p->seconds > 0 && !counted)
		p->count = UINT64_MAX / 2;
	return true;
}

int main(int count, char **arguments)
{
	static struct oracle o; /* of this program only */
	const char *reason;
	if (!options_read(count, arguments, &o.options)) {
		fprintf(stderr,
			"usage: oracle [--seed N] [--count N] [--seconds N] [--tier T0|T1] [--class NAME] "
			"[--width 16|32|64] [--only SEED:INDEX] [--model NAME]\nclasses:");
		for (unsigned i = 0; generate_class_name(i); i++)
			fprintf(stderr, " %s", generate_class_name(i));
		fprintf(stderr, "\n");
		return 2;
	}
	if (native_create(&o.native, &reason)) {
		printf("skipped: %s\n", reason);
		return 77;
	}
	if (!native_has_long() && o.options.width == 64) {
		printf("skipped: the host does not give us FSGSBASE, and FS is the C library's\n");
		return 77;
	}
	if (!native_has_long() && !o.options.width) {
		printf("32-bit code only: the host does not give us FSGSBASE, and FS is the C library's\n");
		o.options.width = 32;
	}
	o.engine = engine_create(o.options.model, o.options.tier);
	o.outcomes = calloc(BATCH, sizeof(*o.outcomes));
	if (!o.engine || !o.outcomes) {
		fprintf(stderr, "oracle: cannot create the engine's CPU\n");
		return 1;
	}
	double start = now();
	run(&o);
	double seconds = now() - start;
	uint64_t total = 0;
	for (unsigned i = 0; i < CLASSES; i++) {
		total += o.compared[i];
		if (o.compared[i])
			printf("%-9s %10llu compared, %llu different\n", generate_class_name(i),
				(unsigned long long)o.compared[i], (unsigned long long)o.different[i]);
	}
	printf("%llu cases in %.1f s: %.0f a second; %llu failures\n", (unsigned long long)total, seconds,
		(double)total / seconds, (unsigned long long)o.failures);
	engine_destroy(o.engine);
	native_destroy(o.native);
	free(o.outcomes);
	return o.failures ? 1 : 0;
}
