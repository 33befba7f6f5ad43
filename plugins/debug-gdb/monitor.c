/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* `monitor ...` in GDB: what its protocol has no packets for. */
#include <stdio.h>

#include "gdb.h"

static void say(struct gdb *gdb, const char *text)
{
	char reply[2 * 256 + 2] = "O";
	uint32_t length = (uint32_t)strlen(text);

	if (length > 256)
		length = 256;
	hex_put(reply + 1, text, length);
	packet_send_text(gdb, reply);
}

static uint64_t number(struct gdb *gdb, uint32_t which)
{
	uint64_t value = 0;

	gdb->cpu->get_register(gdb->host->context, gdb->thread, which, &value, sizeof(value));
	return value;
}

static void registers(struct gdb *gdb)
{
	static const char *const segments[6] = { "es", "cs", "ss", "ds", "fs", "gs" };
	char text[256];

	snprintf(text, sizeof(text), "cr0 %08llx  cr2 %016llx  cr3 %016llx  cr4 %08llx  efer %04llx  cr8 %llx\n",
		(unsigned long long)number(gdb, VMM_CPU_CR0), (unsigned long long)number(gdb, VMM_CPU_CR2),
		(unsigned long long)number(gdb, VMM_CPU_CR3), (unsigned long long)number(gdb, VMM_CPU_CR4),
		(unsigned long long)number(gdb, VMM_CPU_EFER), (unsigned long long)number(gdb, VMM_CPU_CR8));
	say(gdb, text);
	for (uint32_t i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "%s %04llx base %016llx%s", segments[i],
			(unsigned long long)number(gdb, VMM_CPU_ES + i),
			(unsigned long long)number(gdb, VMM_CPU_ES_BASE + i), i % 2 ? "\n" : "  ");
		say(gdb, text);
	}
	snprintf(text, sizeof(text), "%llu-bit code, CPL %llu\n", (unsigned long long)number(gdb, VMM_CPU_CODE_WIDTH),
		(unsigned long long)number(gdb, VMM_CPU_CPL));
	say(gdb, text);
}

void monitor_run(struct gdb *gdb, const char *text)
{
	if (strcmp(text, "registers") == 0) {
		registers(gdb);
	} else if (strcmp(text, "physical on") == 0 || strcmp(text, "physical off") == 0) {
		gdb->physical = text[10] == 'n';
		say(gdb, gdb->physical ? "memory is physical now\n" : "memory is linear now\n");
	} else if (strcmp(text, "reset") == 0) {
		gdb->power->request(gdb->host->context, VMM_POWER_RESET);
		say(gdb, "the machine is being reset; it stands still at its first instruction\n");
	} else {
		say(gdb,
			"registers         control and segment registers\n"
			"physical on|off   what addresses of memory mean\n"
			"reset             reset the machine\n");
	}
	packet_send_text(gdb, "OK");
}
