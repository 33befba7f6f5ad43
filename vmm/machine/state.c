/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Saving a stopped machine to a file, and loading one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/event/file.h"
#include "vmm/machine/parts.h"

#define STATE_STREAM_MAX (UINT64_C(1) << 30) /* of all but the RAM */

static int save_sections(struct machine *machine, struct state_writer *writer, struct config_error *error)
{
	int status;

	state_section_begin(writer, ".machine", "core.machine", 1);
	state_put_u64(writer, "time", clock_now(&machine->clock));
	state_put_i64(writer, "real_offset", machine->clock.real_offset);
	state_put_bool(writer, "sleeping", machine->sleeping);
	state_put_u64(writer, "memory", (uint64_t)core_number(machine, CORE_MACHINE, "memory", 0));
	for (unsigned i = 0; i < machine->a20_count; i++) {
		char name[STATE_NAME_MAX + 1];

		snprintf(name, sizeof(name), "a20.%.58s", machine->a20[i].instance->name);
		state_put_bool(writer, name, machine->a20[i].enabled);
	}
	state_section_end(writer);
	state_section_begin(writer, ".irq", "core.irq", 1);
	irq_lines_save(machine->lines, writer);
	state_section_end(writer);
	status = engine_save(machine->engine, writer);
	if (status) {
		config_fail(error, NULL, 0, "the virtual CPU cannot be saved: %s", strerror(-status));
		return status;
	}
	for (struct member *member = machine->members; member; member = member->next) {
		status = instance_save(member->instance, writer, error);
		if (status)
			return status;
	}
	return 0;
}

static int save_file(struct machine *machine, int fd, struct config_error *error)
{
	struct state_writer *writer = state_writer_new();
	const void *data;
	size_t length;
	uint8_t size[8];
	int status;

	if (!writer) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	lock_acquire(&machine->lock);
	irq_lines_deliver(machine->lines);
	status = save_sections(machine, writer, error);
	lock_release(&machine->lock);
	if (!status) {
		status = state_writer_finish(writer, &data, &length);
		for (unsigned i = 0; !status && i < 8; i++)
			size[i] = (uint8_t)((uint64_t)length >> (8 * i));
		if (!status)
			status = file_write(fd, size, sizeof(size));
		if (!status)
			status = file_write(fd, data, length);
		if (status)
			config_fail(error, NULL, 0, "the state cannot be written: %s", strerror(-status));
	}
	state_writer_free(writer);
	return status ? status : ram_write(machine, fd, error);
}

int machine_save(struct machine *machine, const char *path, struct config_error *error)
{
	char *temporary = NULL;
	int fd, status;

	if (machine->state == MACHINE_RUNNING) {
		config_fail(error, NULL, 0, "a running machine cannot be saved: pause it first");
		return -EBUSY;
	}
	/* Devices have a state from their first reset on. */
	if (machine->state == MACHINE_OFF)
		machine_reset_all(machine, VMM_RESET_POWER);
	/* To a temporary name, synced, renamed: a crash leaves the old state or the new one. */
	if (asprintf(&temporary, "%s.tmp-%ld", path, (long)getpid()) < 0) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		status = -errno;
		config_fail(error, path, 0, "cannot be written: %s", strerror(-status));
		goto out;
	}
	status = save_file(machine, fd, error);
	if (!status && fsync(fd)) {
		status = -errno;
		config_fail(error, path, 0, "cannot be written: %s", strerror(-status));
	}
	close(fd);
	if (!status && rename(temporary, path)) {
		status = -errno;
		config_fail(error, path, 0, "cannot be written: %s", strerror(-status));
	}
	if (!status)
		status = file_sync_folder(path);
	else
		unlink(temporary);
out:
	free(temporary);
	return status;
}

static int load_machine(struct machine *machine, struct state_reader *reader, struct config_error *error)
{
	uint64_t time = 0, memory = 0;
	int64_t real_offset = 0;
	int status = state_section_open(reader, ".machine", NULL, NULL);

	if (!status) {
		state_get_u64(reader, "time", &time);
		state_get_i64(reader, "real_offset", &real_offset);
		state_get_u64(reader, "memory", &memory);
		machine->sleeping = false;
		if (state_has(reader, "sleeping"))
			state_get_bool(reader, "sleeping", &machine->sleeping);
		for (struct member *member = machine->members; member; member = member->next) {
			char name[STATE_NAME_MAX + 1];
			bool enabled = false;

			snprintf(name, sizeof(name), "a20.%.58s", member->instance->name);
			if (!state_has(reader, name))
				continue;
			state_get_bool(reader, name, &enabled);
			machine->env.machine.a20(machine, member->instance, enabled);
		}
		status = state_section_close(reader);
	}
	if (status) {
		config_fail(error, NULL, 0, "the state does not say what machine it is of: it is damaged");
		return status;
	}
	if (memory != (uint64_t)core_number(machine, CORE_MACHINE, "memory", 0))
		return config_fail(error, NULL, 0,
			"the state was saved with memory = %llu, the machine has another: set it so",
			(unsigned long long)memory);
	clock_set(&machine->clock, time);
	machine->clock.real_offset = real_offset;
	return 0;
}

static int load_sections(struct machine *machine, struct state_reader *reader, struct config_error *error)
{
	int status = load_machine(machine, reader, error);

	if (status)
		return status;
	status = engine_load(machine->engine, reader);
	if (status) {
		config_fail(error, NULL, 0, "the virtual CPU's state does not fit (field \"%s\"): %s",
			state_reader_field(reader), strerror(-status));
		return status;
	}
	for (struct member *member = machine->members; member; member = member->next) {
		status = instance_load(member->instance, reader, error);
		if (status)
			return status;
	}
	/* Last: what devices did to their lines while loading is undone by what was saved. */
	status = state_section_open(reader, ".irq", NULL, NULL);
	if (!status)
		status = irq_lines_load(machine->lines, reader);
	if (!status)
		status = state_section_close(reader);
	if (status)
		config_fail(error, NULL, 0, "the interrupt lines' state does not fit this machine (\"%s\")",
			state_reader_field(reader));
	return status;
}

static int load_file(struct machine *machine, int fd, struct config_error *error)
{
	uint8_t size[8];
	uint64_t length = 0;
	struct state_reader *reader = NULL;
	const char *reason = "the saved state is cut short";
	void *data = NULL;
	int status = file_read(fd, size, sizeof(size));

	for (unsigned i = 0; i < 8; i++)
		length |= (uint64_t)size[i] << (8 * i);
	if (!status && length > STATE_STREAM_MAX) {
		reason = "this is not a saved state of vmm";
		status = -EINVAL;
	}
	if (!status) {
		data = malloc(length ? length : 1);
		status = data ? file_read(fd, data, length) : -ENOMEM;
	}
	if (!status)
		status = state_reader_new(data, length, &reader, &reason);
	if (status) {
		config_fail(error, NULL, 0, "%s", reason);
		goto out;
	}
	lock_acquire(&machine->lock);
	status = ram_read(machine, fd, error);
	if (!status)
		status = load_sections(machine, reader, error);
	lock_release(&machine->lock);
out:
	state_reader_free(reader);
	free(data);
	return status;
}

int machine_load(struct machine *machine, const char *path, struct config_error *error)
{
	struct config_error inner = { "" };
	int fd, status;

	if (machine->state == MACHINE_RUNNING) {
		config_fail(error, NULL, 0, "a running machine cannot be loaded: pause it first");
		return -EBUSY;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		status = -errno;
		config_fail(error, path, 0, "cannot be read: %s", strerror(-status));
		return status;
	}
	machine_reset_all(machine, VMM_RESET_POWER);
	status = load_file(machine, fd, &inner);
	close(fd);
	engine_flush(machine->engine);
	if (status)
		config_fail(error, path, 0, "%s", inner.text);
	return status;
}
