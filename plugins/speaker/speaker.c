/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: a PC's loudspeaker.  It has no state of the guest's: the 8254 tells the wave again at each start.
 */
#include <stdio.h>

#include <vmm/control.h>
#include <vmm/port-speaker.h>
#include <vmm/timer.h>

#include "record.h"

#define STEADY    UINT64_C(20000000) /* ns that a tone must last to be told */
#define WRITE     UINT64_C(1000000000)
#define HZ_MIN    20
#define HZ_MAX    20000
#define LIMIT_MAX (INT64_C(4) << 30) /* of a WAV file's own fields */

struct speaker {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	const struct vmm_control_service *control;
	vmm_handle tone_timer, write_timer;
	struct wave wave;
	vmm_time changed; /* when the tone did */
	uint64_t tone;    /* the present one, in hundredths of a hertz */
	uint64_t told;
	uint32_t waiting; /* the tone's timer is armed */
	struct record record;
};

static vmm_time now(const struct speaker *speaker)
{
	return speaker->timer->now(speaker->host->context, VMM_CLOCK_GUEST);
}

static uint64_t tone_of(const struct wave *wave)
{
	if (wave->period == 0 || wave->high == 0 || wave->high >= wave->period)
		return 0;
	uint64_t tone = UINT64_C(100000000000) / wave->period;
	return tone >= HZ_MIN * 100 && tone <= HZ_MAX * 100 ? tone : 0;
}

static void tell(struct speaker *speaker, uint64_t tone)
{
	char text[64];
	if (tone == speaker->told || speaker->control == NULL)
		return;
	speaker->told = tone;
	snprintf(text, sizeof(text), "{\"hz\": %u.%02u}", (unsigned)(tone / 100), (unsigned)(tone % 100));
	speaker->control->event(speaker->host->context, "tone", text);
}

static void wait(struct speaker *speaker, vmm_time time)
{
	speaker->waiting = 1;
	speaker->timer->arm(speaker->host->context, speaker->tone_timer, time + STEADY);
}

/* Tones are told when they have lasted; samples, which change all the time, are no tone. */
static void tone_due(void *self, uint64_t token)
{
	struct speaker *speaker = self;
	vmm_time time = now(speaker);
	(void)token;
	speaker->waiting = 0;
	if (time >= speaker->changed + STEADY) {
		tell(speaker, speaker->tone);
		return;
	}
	tell(speaker, 0);
	wait(speaker, speaker->changed);
}

static void write_due(void *self, uint64_t token)
{
	struct speaker *speaker = self;
	vmm_time time = now(speaker);
	(void)token;
	record_run(&speaker->record, &speaker->wave, time);
	if (speaker->record.fd >= 0)
		speaker->timer->arm(speaker->host->context, speaker->write_timer, time + WRITE);
}

static void drive(void *self, vmm_time time, uint64_t period, uint64_t high)
{
	struct speaker *speaker = self;
	/* Edges may be told a little late: what has been recorded stays. */
	if (speaker->record.fd >= 0) {
		if (time < speaker->record.at)
			time = speaker->record.at;
		record_run(&speaker->record, &speaker->wave, time);
	}
	speaker->wave = (struct wave){ time, period, high < period || period == 0 ? high : period };
	uint64_t tone = tone_of(&speaker->wave);
	if (tone == speaker->tone)
		return;
	speaker->tone = tone;
	speaker->changed = now(speaker);
	if (!speaker->waiting)
		wait(speaker, speaker->changed);
}

static const struct vmm_speaker_lower lower = {
	.struct_size = sizeof(struct vmm_speaker_lower),
	.drive = drive,
};

static int32_t init(void *self)
{
	struct speaker *speaker = self;
	const struct vmm_host *host = speaker->host;
	char path[4096];
	speaker->record.fd = -1;
	speaker->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (speaker->timer == NULL)
		return -ENOTSUP;
	speaker->control = host->get_service(host->context, VMM_SERVICE_CONTROL);
	int32_t status = speaker->timer->create(
		host->context, VMM_CLOCK_GUEST, tone_due, speaker, 0, &speaker->tone_timer);
	if (status >= 0)
		status = speaker->timer->create(
			host->context, VMM_CLOCK_GUEST, write_due, speaker, 0, &speaker->write_timer);
	if (status < 0)
		return vmm_kit_fail(host, status, "report this", "cannot make a timer");
	status = vmm_kit_string(host, "file", path, sizeof(path));
	if (status == -ENOENT || (status >= 0 && path[0] == '\0'))
		return 0;
	if (status < 0)
		return vmm_kit_fail(host, status, "choose a shorter path", "the path in `file` is too long");
	return record_open(&speaker->record, host, path, (uint64_t)vmm_kit_int(host, "limit", INT64_C(256) << 20));
}

static int32_t start(void *self)
{
	struct speaker *speaker = self;
	vmm_time time = now(speaker);
	speaker->changed = time;
	wait(speaker, time);
	if (speaker->record.fd < 0)
		return 0;
	record_resume(&speaker->record, time);
	speaker->timer->arm(speaker->host->context, speaker->write_timer, time + WRITE);
	return 0;
}

static void stop(void *self)
{
	struct speaker *speaker = self;
	record_run(&speaker->record, &speaker->wave, now(speaker));
	record_flush(&speaker->record);
}

static void reset(void *self, uint32_t kind)
{
	struct speaker *speaker = self;
	(void)kind;
	drive(speaker, now(speaker), 0, 0);
}

static void destroy(void *self)
{
	struct speaker *speaker = self;
	record_close(&speaker->record);
	if (speaker->tone_timer != 0)
		speaker->timer->destroy(speaker->host->context, speaker->tone_timer);
	if (speaker->write_timer != 0)
		speaker->timer->destroy(speaker->host->context, speaker->write_timer);
	free(speaker);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") != 0)
		return -ENOENT;
	vmm_kit_port_quiet(self, &lower, side);
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.reset = reset,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_PATH("file", NULL, "A WAV file that all sound is recorded into; it is emptied first."),
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "limit", "256M", 4096, LIMIT_MAX - 4096, NULL,
		"The most that the file may have; the recording ends there."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_SPEAKER, "The wire of the 8254 it hangs on."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.speaker",
	.name = "Loudspeaker",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's loudspeaker: tones as events, all of it as a WAV file",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(speaker, VMM_KIND_DEVICE, descriptor, instance_ops, struct speaker);
