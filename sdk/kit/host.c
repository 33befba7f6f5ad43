/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/host.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <vmm/param.h>

const void *vmm_kit_service(const struct vmm_host *host, const char *id)
{
	const void *table = host->get_service(host->context, id);
	if (table == NULL)
		vmm_kit_fail(host, -ENOTSUP, "use a newer vmm", "this host has no service %s", id);
	return table;
}

int32_t vmm_kit_fail(const struct vmm_host *host, int32_t status, const char *remedy, const char *format, ...)
{
	char text[512];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	host->fail(host->context, text, remedy);
	return status;
}

void vmm_kit_log(const struct vmm_host *host, uint32_t level, const char *format, ...)
{
	char text[256];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	host->log(host->context, level, text);
}

static const struct vmm_param_service *params(const struct vmm_host *host)
{
	return host->get_service(host->context, VMM_SERVICE_PARAM);
}

int64_t vmm_kit_int(const struct vmm_host *host, const char *key, int64_t fallback)
{
	const struct vmm_param_service *service = params(host);
	int64_t value;
	if (service == NULL || service->get_int(host->context, key, &value) < 0)
		return fallback;
	return value;
}

uint32_t vmm_kit_bool(const struct vmm_host *host, const char *key, uint32_t fallback)
{
	const struct vmm_param_service *service = params(host);
	uint32_t value;
	if (service == NULL || service->get_bool(host->context, key, &value) < 0)
		return fallback;
	return value != 0;
}

uint32_t vmm_kit_choice(const struct vmm_host *host, const char *key)
{
	const struct vmm_param_service *service = params(host);
	uint32_t index;
	if (service == NULL || service->get_choice(host->context, key, &index) < 0)
		return 0;
	return index;
}

int32_t vmm_kit_string(const struct vmm_host *host, const char *key, char *text, uint32_t size)
{
	const struct vmm_param_service *service = params(host);
	int32_t length = service != NULL ? service->get_string(host->context, key, 0, text, size) : -ENOENT;
	if (length < 0 && size > 0)
		text[0] = '\0';
	return length;
}
