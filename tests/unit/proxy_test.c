/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The same guest in the same machine, with and without a border between all joined plugins: it must see the same.
 *
 * The guest is the ROM below.  It talks to the line, copies memory with the template's counter, lets the test drive
 * try its disk, and sends what it found down the line, which a test backend records.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy.h"
#include "vmm/machine/machine.h"

#define ROM_LENGTH 65536

/* Runs at FFFF0000 from the reset vector on; offsets below are from guest_code. */
__asm__(".pushsection .rodata\n"
	"guest_code: .code16\n"
	"  cli\n"
	"  lgdtl %cs:guest_gdtr - guest_code\n"
	"  mov %cr0, %eax\n"
	"  or $1, %al\n"
	"  mov %eax, %cr0\n"
	"  ljmpl $8, $(guest_32 - guest_code + 0xffff0000)\n"
	".code32\n"
	"guest_32: mov $16, %eax\n"
	"  mov %eax, %ds\n"
	"  mov %eax, %es\n"
	"  mov %eax, %ss\n"
	"  mov $0x8000, %esp\n"
	/* The line: 8 bits, FIFO on; five letters out, five back in, each one further out again. */
	"  mov $0x3fb, %edx; mov $3, %al; out %al, %dx\n"
	"  mov $0x3fa, %edx; mov $1, %al; out %al, %dx\n"
	"  mov $'p', %bl; call guest_put\n"
	"  mov $'r', %bl; call guest_put\n"
	"  mov $'o', %bl; call guest_put\n"
	"  mov $'x', %bl; call guest_put\n"
	"  mov $'y', %bl; call guest_put\n"
	"  mov $5, %ecx\n"
	"1: mov $0x3fd, %edx\n"
	"2: in %dx, %al; test $1, %al; jz 2b\n"
	"  mov $0x3f8, %edx; in %dx, %al\n"
	"  lea 1(%eax), %ebx; call guest_put\n"
	"  loop 1b\n"
	/* The counter at 05.0: place its BAR, let it decode and master the bus. */
	"  mov $0x80002810, %eax; mov $0xd0000000, %ebx; call guest_config\n"
	"  mov $0x80002804, %eax; mov $6, %ebx; call guest_config\n"
	"  mov $0xd0000000, %esi\n"
	"  mov (%esi), %eax; call guest_put32\n"
	"  mov 0x14(%esi), %eax; call guest_put32\n"
	"  mov $0x10000, %edi; mov $5000, %ecx\n"
	"1: mov %ecx, %eax; imul $13, %eax; mov %al, (%edi); inc %edi; loop 1b\n"
	"  movl $0x10000, 0x18(%esi)\n"
	"  movl $0x20000, 0x20(%esi)\n"
	"  movl $5000, 0x28(%esi)\n"
	"  movl $1, 0x2c(%esi)\n"
	"1: cmpl $0, 0x2c(%esi); jne 1b\n"
	"  mov 8(%esi), %eax; call guest_put32\n"
	"  mov $0x20000, %edi; mov $5000, %ecx; xor %eax, %eax\n"
	"1: imul $33, %eax; movzbl (%edi), %ebx; add %ebx, %eax; inc %edi; loop 1b\n"
	"  call guest_put32\n"
	/* Its timer and INTx, seen in the status register of its configuration space. */
	"  movl $7, 8(%esi)\n"
	"  movl $50, 0x10(%esi)\n"
	"  movl $3, 4(%esi)\n"
	"1: testl $1, 8(%esi); jz 1b\n"
	"  mov $0x80002804, %eax; mov $0xcf8, %edx; out %eax, %dx\n"
	"  mov $0xcfc, %edx; in %dx, %eax; call guest_put32\n"
	"  movl $7, 8(%esi)\n"
	"  mov 8(%esi), %eax; call guest_put32\n"
	/* The drive. */
	"  mov $0x500, %edx; mov $1, %eax; out %eax, %dx\n"
	"1: in %dx, %eax; test %eax, %eax; jz 1b\n"
	"  call guest_put32\n"
	"  mov $0x504, %edx; in %dx, %eax; call guest_put32\n"
	/* What has been sent is out when the shift register is empty; then the end, with status 43. */
	"  mov $0x3fd, %edx\n"
	"1: in %dx, %al; test $0x40, %al; jz 1b\n"
	"  mov $0xf4, %edx; mov $0x21, %al; out %al, %dx\n"
	"1: hlt; jmp 1b\n"
	"guest_put: push %edx; push %eax\n"
	"  mov $0x3fd, %edx\n"
	"1: in %dx, %al; test $0x20, %al; jz 1b\n"
	"  mov $0x3f8, %edx; mov %bl, %al; out %al, %dx\n"
	"  pop %eax; pop %edx; ret\n"
	"guest_put32: push %ecx; push %ebx; mov $4, %ecx\n"
	"1: mov %al, %bl; call guest_put; shr $8, %eax; loop 1b\n"
	"  pop %ebx; pop %ecx; ret\n"
	"guest_config: mov $0xcf8, %edx; out %eax, %dx\n"
	"  mov $0xcfc, %edx; mov %ebx, %eax; out %eax, %dx; ret\n"
	".balign 8\n"
	"guest_gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff\n"
	"guest_gdtr: .word 23; .long guest_gdt - guest_code + 0xffff0000\n"
	"guest_end: .code64\n"
	".popsection\n");
extern const uint8_t guest_code[], guest_end[];

struct result {
	int status;
	size_t length;
	uint8_t bytes[256];
	struct proxy_count counts[PROXY_KINDS];
};

static char folder[64];

static void file_put(const char *name, const void *data, size_t length)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

static void rom_put(void)
{
	static uint8_t rom[ROM_LENGTH];
	size_t length = (size_t)(guest_end - guest_code);
	memcpy(rom, guest_code, length);
	/* The reset vector: a near jump to the start, around the end of the segment. */
	rom[0xfff0] = 0xe9;
	rom[0xfff1] = 0x0d;
	rom[0xfff2] = 0x00;
	file_put("rom", rom, sizeof(rom));
}

/* Plugins of the build tree, unless the environment names others. */
static char *plugin_path(void)
{
	static const char *const folders[] = { "chipset-i440", "firmware-bios", "serial-16550", "debug-exit" };
	const char *given = getenv("VMM_TEST_PLUGINS");
	char *path = NULL;
	if (given != NULL) {
		ck_assert_int_gt(asprintf(&path, "%s:tests/unit/.libs:sdk/template/.libs", given), 0);
		return path;
	}
	ck_assert_int_gt(asprintf(&path,
				 "tests/unit/.libs:sdk/template/.libs:plugins/%s/.libs:plugins/%s/.libs:"
				 "plugins/%s/.libs:plugins/%s/.libs",
				 folders[0], folders[1], folders[2], folders[3]),
		0);
	return path;
}

/* Registries want absolute folders. */
static char *absolute(char *path)
{
	char here[512];
	char *all = calloc(1, 1);
	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	for (char *part = strtok(path, ":"); part != NULL; part = strtok(NULL, ":")) {
		char *longer = NULL;
		ck_assert_int_gt(asprintf(&longer, "%s%s%s%s%s", all, all[0] != '\0' ? ":" : "",
					 part[0] == '/' ? "" : here, part[0] == '/' ? "" : "/", part),
			0);
		free(all);
		all = longer;
	}
	free(path);
	return all;
}

static void run(struct result *result, int with_proxy, int cheat)
{
	char text[1024];
	char path[128];
	struct config *config;
	struct plugin_registry *registry;
	struct machine *machine;
	struct config_error error = { "" };
	struct proxy *proxy = with_proxy ? proxy_new() : NULL;
	struct machine_options options = { .proxy = proxy != NULL ? proxy_hook(proxy) : NULL };
	memset(result, 0, sizeof(*result));
	snprintf(text, sizeof(text),
		"[machine]\nname = proxy\nbase = none\nmemory = 16M\n[boot]\nrom = rom\n[pci0]\nplugin = chipset-i440\n"
		"[fw0]\nplugin = firmware-bios\n[exit0]\nplugin = debug-exit\n[serial0]\nplugin = serial-16550\n"
		"backend = com.example.proxy-record\nbackend.file = record\n[drive0]\nplugin = "
		"com.example.proxy-drive\n"
		"disk = @disk0\n[disk0]\nplugin = com.example.proxy-disk\ncheat = %s\n[counter0]\nplugin = "
		"com.example.counter\n"
		"bus = @pci0\naddress = 05.0\n",
		cheat ? "yes" : "no");
	file_put("machine.ini", text, strlen(text));
	snprintf(path, sizeof(path), "%s/machine.ini", folder);
	char *folders = absolute(plugin_path());
	ck_assert_int_eq(registry_new(folders, &registry), 0);
	free(folders);
	ck_assert_msg(machine_config(path, NULL, 0, &config, &error) == 0, "%s", error.text);
	ck_assert_msg(machine_new(config, registry, &options, &machine, &error) == 0, "%s", error.text);
	result->status = machine_run(machine, NULL, &error);
	ck_assert_msg(result->status >= 0, "%s", error.text);
	machine_free(machine);
	registry_free(registry);
	config_free(config);
	for (int i = 0; i < PROXY_KINDS && proxy != NULL; i++)
		result->counts[i] = proxy_count(proxy, (enum proxy_kind)i);
	if (proxy != NULL)
		proxy_free(proxy);
	snprintf(path, sizeof(path), "%s/record", folder);
	FILE *file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	result->length = fread(result->bytes, 1, sizeof(result->bytes), file);
	fclose(file);
	unlink(path);
}

static uint32_t word(const struct result *result, size_t index)
{
	uint32_t value;
	memcpy(&value, result->bytes + 10 + index * 4, 4);
	return value;
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-proxy-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	rom_put();
}

static void teardown(void)
{
	char path[128];
	static const char *const names[] = { "rom", "machine.ini", "record" };
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

START_TEST(without)
{
	struct result plain;
	uint32_t sum = 0;
	run(&plain, 0, 0);
	ck_assert_int_eq(plain.status, 0x43);
	ck_assert_uint_eq(plain.length, 10 + 8 * 4);
	ck_assert_msg(memcmp(plain.bytes, "proxyQSPYZ", 10) == 0, "%.10s", (const char *)plain.bytes);
	ck_assert_uint_eq(word(&plain, 0), 0x52544e43);
	ck_assert_uint_eq(word(&plain, 1), 1000000);
	ck_assert_uint_eq(word(&plain, 2), 2); /* copied */
	for (uint32_t i = 5000; i > 0; i--)
		sum = sum * 33 + (uint8_t)(i * 13);
	ck_assert_uint_eq(word(&plain, 3), sum);
	ck_assert_uint_ne(word(&plain, 4) & 0x80000, 0); /* INTx is wanted */
	ck_assert_uint_eq(word(&plain, 5), 0);
	ck_assert_uint_eq(word(&plain, 6), 1);
}
END_TEST

START_TEST(same_with_border)
{
	struct result plain;
	struct result bordered;
	run(&plain, 0, 0);
	run(&bordered, 1, 0);
	ck_assert_int_eq(bordered.status, plain.status);
	ck_assert_uint_eq(bordered.length, plain.length);
	ck_assert_mem_eq(bordered.bytes, plain.bytes, plain.length);
	/* It was really in between, both ways. */
	for (int i = 0; i < PROXY_KINDS; i++) {
		ck_assert_uint_gt(bordered.counts[i].down, 0);
		ck_assert_uint_gt(bordered.counts[i].up, 0);
	}
	ck_assert_uint_ge(bordered.counts[PROXY_CHAR].down, 42 / 3);
	ck_assert_uint_ge(bordered.counts[PROXY_STORAGE].up, 33);
}
END_TEST

/* A disk that looks at memory it has given back gets away with it in one process, and not over a border. */
START_TEST(shared_memory_shows)
{
	struct result plain;
	struct result cheating;
	struct result bordered;
	run(&plain, 0, 0);
	run(&cheating, 0, 1);
	ck_assert_uint_eq(word(&cheating, 7), word(&plain, 7));
	run(&bordered, 1, 1);
	ck_assert_uint_eq(word(&bordered, 6), 1);
	ck_assert_uint_ne(word(&bordered, 7), word(&plain, 7));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proxy");
	TCase *tcase = tcase_create("proxy");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, without);
	tcase_add_test(tcase, same_with_border);
	tcase_add_test(tcase, shared_memory_shows);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
