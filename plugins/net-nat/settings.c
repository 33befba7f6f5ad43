/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vmm/param.h>

#include "nat.h"

/* TEXT is ADDRESS/BITS; the address's text is put into `address`. */
static bool prefix_split(const char *text, char *address, size_t size, uint32_t *bits)
{
	const char *slash = strchr(text, '/');
	char *end;
	if (slash == NULL || (size_t)(slash - text) >= size || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	unsigned long value = strtoul(slash + 1, &end, 10);
	*bits = (uint32_t)value;
	return *end == '\0' && value <= 128;
}

static int32_t read_network(struct nat_settings *settings, const struct vmm_host *host)
{
	static const char remedy[] = "write it as network = 10.0.2.0/24, with 8 to 28 bits";
	char text[64], address[64];
	vmm_kit_string(host, "network", text, sizeof(text));
	if (!prefix_split(text, address, sizeof(address), &settings->prefix) ||
		inet_pton(AF_INET, address, &settings->network) != 1)
		return vmm_kit_fail(host, -EINVAL, remedy, "network = %s is no IPv4 network", text);
	if (settings->prefix < 8 || settings->prefix > 28)
		return vmm_kit_fail(host, -EINVAL, remedy, "network = %s has too %s addresses", text,
			settings->prefix < 8 ? "many" : "few");
	settings->mask.s_addr = htonl(UINT32_MAX << (32 - settings->prefix));
	if ((settings->network.s_addr & ~settings->mask.s_addr) != 0)
		return vmm_kit_fail(host, -EINVAL, remedy, "network = %s has bits set behind its prefix", text);
	return 0;
}

/* An address within the network, by default its `number`th. */
static int32_t read_address(const struct nat_settings *settings, const struct vmm_host *host, const char *key,
	uint32_t number, struct in_addr *address)
{
	char text[64];
	address->s_addr = htonl(ntohl(settings->network.s_addr) + number);
	if (vmm_kit_string(host, key, text, sizeof(text)) <= 0)
		return 0;
	if (inet_pton(AF_INET, text, address) != 1)
		return vmm_kit_fail(host, -EINVAL, "write it as 10.0.2.2", "%s = %s is no IPv4 address", key, text);
	uint32_t mask = ntohl(settings->mask.s_addr);
	uint32_t value = ntohl(address->s_addr);
	if ((address->s_addr & settings->mask.s_addr) != settings->network.s_addr || (value & ~mask) == 0 ||
		(value | mask) == UINT32_MAX)
		return vmm_kit_fail(host, -EINVAL, "choose one within `network =`, neither its first nor its last",
			"%s = %s is no host's address in the network", key, text);
	return 0;
}

static int32_t read_ip6(struct nat_settings *settings, const struct vmm_host *host)
{
	char text[80], address[80];
	uint32_t bits;
	vmm_kit_string(host, "ipv6", text, sizeof(text));
	if (text[0] == '\0' || strcmp(text, "no") == 0)
		return 0;
	static const uint8_t none[8];
	if (!prefix_split(text, address, sizeof(address), &bits) ||
		inet_pton(AF_INET6, address, &settings->prefix6) != 1 || bits != 64 ||
		memcmp(settings->prefix6.s6_addr + 8, none, 8) != 0)
		return vmm_kit_fail(host, -EINVAL, "write it as ipv6 = fd00::/64, or ipv6 = no",
			"ipv6 = %s is no IPv6 prefix of 64 bits", text);
	settings->ip6 = true;
	settings->host6 = settings->dns6 = settings->prefix6;
	settings->host6.s6_addr[15] = 2;
	settings->dns6.s6_addr[15] = 3;
	return 0;
}

static int32_t read_text(const struct vmm_host *host, const char *key, char *text, uint32_t size)
{
	return vmm_kit_string(host, key, text, size) == -EOVERFLOW
		? vmm_kit_fail(host, -EINVAL, "use a shorter one", "`%s =` is too long", key)
		: 0;
}

static int32_t read_boot(struct nat_settings *settings, const struct vmm_host *host)
{
	struct stat what;
	int32_t status = read_text(host, "hostname", settings->hostname, sizeof(settings->hostname));
	if (status == 0)
		status = read_text(host, "bootfile", settings->bootfile, sizeof(settings->bootfile));
	if (status == 0)
		status = read_text(host, "tftp", settings->tftp, sizeof(settings->tftp));
	if (status < 0)
		return status;
	/* BOOTP has 128 bytes for it (RFC 951), its NUL among them. */
	if (strlen(settings->bootfile) > 127)
		return vmm_kit_fail(host, -EINVAL, "use a shorter one", "`bootfile =` has more than 127 bytes");
	if (settings->tftp[0] == '\0')
		return 0;
	if (stat(settings->tftp, &what) < 0)
		return vmm_kit_fail(host, -errno, "correct `tftp =`", "cannot find the folder %.255s: %s",
			settings->tftp, strerror(errno));
	if (!S_ISDIR(what.st_mode))
		return vmm_kit_fail(host, -ENOTDIR, "name the folder that the files are in",
			"tftp = %.255s is no folder", settings->tftp);
	return 0;
}

static int32_t read_search(struct nat_settings *settings, const struct vmm_host *host)
{
	const struct vmm_param_service *param = vmm_kit_service(host, VMM_SERVICE_PARAM);
	uint32_t count = 0;
	if (param == NULL)
		return -ENOTSUP;
	param->get_count(host->context, "search", &count);
	if (count > NAT_SEARCH)
		return vmm_kit_fail(host, -E2BIG, "leave some out", "there are more than %d of `search =`", NAT_SEARCH);
	for (uint32_t i = 0; i < count; i++) {
		if (param->get_string(host->context, "search", i, settings->search[i], sizeof(settings->search[i])) < 0)
			return vmm_kit_fail(host, -EINVAL, "use a shorter one", "a `search =` is too long");
		settings->search_list[i] = settings->search[i];
	}
	return 0;
}

int32_t nat_settings_read(struct nat_settings *settings, const struct vmm_host *host)
{
	int32_t status = read_network(settings, host);
	if (status == 0)
		status = read_address(settings, host, "host", 2, &settings->host);
	if (status == 0)
		status = read_address(settings, host, "dns", 3, &settings->dns);
	if (status == 0)
		status = read_address(settings, host, "dhcp_start", settings->prefix > 27 ? 4 : 15, &settings->dhcp);
	if (status == 0 && settings->host.s_addr == settings->dns.s_addr)
		status = vmm_kit_fail(host, -EINVAL, "give them different ones", "`host =` and `dns =` are the same");
	if (status == 0)
		status = read_ip6(settings, host);
	if (status == 0)
		status = read_boot(settings, host);
	if (status == 0)
		status = read_search(settings, host);
	settings->mtu = (uint32_t)vmm_kit_int(host, "mtu", 1500);
	settings->restricted = vmm_kit_bool(host, "restrict", 0);
	settings->loopback = vmm_kit_bool(host, "loopback", 1);
	return status;
}

static const char *text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

void nat_settings_slirp(const struct nat_settings *settings, SlirpConfig *config)
{
	*config = (SlirpConfig){
		.version = SLIRP_CONFIG_VERSION_MAX,
		.restricted = settings->restricted,
		.in_enabled = true,
		.vnetwork = settings->network,
		.vnetmask = settings->mask,
		.vhost = settings->host,
		.in6_enabled = settings->ip6,
		.vprefix_addr6 = settings->prefix6,
		.vprefix_len = 64,
		.vhost6 = settings->host6,
		.vhostname = text_or_null(settings->hostname),
		.tftp_path = text_or_null(settings->tftp),
		.bootfile = text_or_null(settings->bootfile),
		.vdhcp_start = settings->dhcp,
		.vnameserver = settings->dns,
		.vnameserver6 = settings->dns6,
		.vdnssearch = settings->search_list[0] != NULL ? (const char **)(uintptr_t)settings->search_list : NULL,
		.if_mtu = settings->mtu,
		.if_mru = settings->mtu,
		.disable_host_loopback = !settings->loopback,
	};
}
