/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A network of the guest's own behind address translation, without rights: libslirp makes its connections those of this
 * process, and is DHCP server, name server and router to the guest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/control.h>
#include <vmm/kit/plugin.h>
#include <vmm/param.h>

#include "nat.h"

#define UP_LIMIT   (2u << 20)
#define DOWN_LIMIT (1u << 20)

/* The card's side. */

static void port_info(void *self, struct vmm_net_info *info)
{
	struct nat *nat = self;
	info->capabilities = VMM_NET_CHECKSUM | VMM_NET_TCP4 | VMM_NET_TCP6 | VMM_NET_UDP | VMM_NET_ECN;
	info->mtu = nat->settings.mtu;
}

static uint32_t port_send(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct nat *nat = self;
	uint32_t done = 0;
	for (; done < count; done++) {
		const struct vmm_net_frame *frame = vmm_net_frame_at(frames, stride, done);
		/* What is impossible, or finds no memory, is lost. */
		if (vmm_net_check(frame) == 0 && vmm_net_queue_add(&nat->down, frame, 0) == -ENOBUFS) {
			nat->owed = 1;
			break;
		}
	}
	nat_turn_soon(nat);
	return done;
}

static void port_drained(void *self)
{
	struct nat *nat = self;
	if (nat->blocked)
		nat_turn_soon(nat);
}

/* Control methods. */

static int32_t answer(char *reply, uint32_t size, json_t *value)
{
	size_t length = value != NULL ? json_dumpb(value, reply, size - 1, JSON_COMPACT) : 0;
	json_decref(value);
	if (length == 0 || length >= size)
		return -ENOMEM;
	reply[length] = '\0';
	return 0;
}

static json_t *address4(struct in_addr address)
{
	char text[INET_ADDRSTRLEN];
	return json_string(inet_ntop(AF_INET, &address, text, sizeof(text)));
}

static json_t *forwards_list(const struct nat *nat)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < nat->forwards.count; i++)
		json_array_append_new(list, json_string(nat->forwards.items[i].text));
	return list;
}

static int32_t call_info(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct nat *nat = self;
	const struct nat_settings *settings = &nat->settings;
	char network[INET_ADDRSTRLEN + 4], prefix6[INET6_ADDRSTRLEN + 4];
	(void)token;
	(void)params;
	inet_ntop(AF_INET, &settings->network, network, sizeof(network));
	snprintf(network + strlen(network), 4, "/%u", settings->prefix);
	inet_ntop(AF_INET6, &settings->prefix6, prefix6, sizeof(prefix6));
	snprintf(prefix6 + strlen(prefix6), 4, "/64");
	return answer(reply, size,
		json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:i, s:o, s:I, s:I, s:I, s:i}", "network", network, "host",
			address4(settings->host), "dns", address4(settings->dns), "dhcp_start",
			address4(settings->dhcp), "ipv6", settings->ip6 ? json_string(prefix6) : json_null(),
			"restrict", settings->restricted, "mtu", (int)settings->mtu, "forwards", forwards_list(nat),
			"received", (json_int_t)nat->mode.received, "sent", (json_int_t)nat->mode.sent, "lost",
			(json_int_t)nat->mode.lost, "sockets", (int)nat->socket_count));
}

static int32_t call_change(struct nat *nat, const char *params, char *reply, uint32_t size,
	int32_t (*change)(struct nat *nat, const char *text, char *message))
{
	char message[NAT_TEXT] = "";
	json_t *root = json_loads(params, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "forward"));
	int32_t status = -EINVAL;
	if (text == NULL)
		snprintf(message, sizeof(message), "which forward? Say forward=tcp:127.0.0.1:2222:22");
	else
		status = change(nat, text, message);
	json_decref(root);
	if (status < 0) {
		snprintf(reply, size, "%s", message);
		return status;
	}
	nat_turn_soon(nat);
	return answer(reply, size, json_pack("{s:o}", "forwards", forwards_list(nat)));
}

static int32_t call_forward(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	(void)token;
	return call_change(self, params, reply, size, nat_forward_add);
}

static int32_t call_unforward(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	(void)token;
	return call_change(self, params, reply, size, nat_forward_remove);
}

/* Life. */

static int32_t forwards_read(struct nat *nat)
{
	const struct vmm_param_service *param = vmm_kit_service(nat->host, VMM_SERVICE_PARAM);
	char text[256], message[NAT_TEXT];
	uint32_t count = 0;
	if (param == NULL)
		return -ENOTSUP;
	param->get_count(nat->host->context, "forward", &count);
	for (uint32_t i = 0; i < count; i++) {
		if (param->get_string(nat->host->context, "forward", i, text, sizeof(text)) < 0)
			return vmm_kit_fail(nat->host, -EINVAL, "use a shorter one", "a `forward =` is too long");
		int32_t status = nat_forward_add(nat, text, message);
		if (status < 0)
			/* Its message has the remedy. */
			return vmm_kit_fail(nat->host, status, "correct `forward =`", "%s", message);
	}
	return 0;
}

static int32_t methods_add(struct nat *nat)
{
	const struct vmm_control_service *control = nat->host->get_service(nat->host->context, VMM_SERVICE_CONTROL);
	if (control == NULL)
		return 0;
	int32_t status = control->add(nat->host->context, "info", call_info, nat, 0);
	if (status == 0)
		status = control->add(nat->host->context, "forward", call_forward, nat, 0);
	if (status == 0)
		status = control->add(nat->host->context, "unforward", call_unforward, nat, 0);
	return status;
}

static int32_t nat_init(void *self)
{
	struct nat *nat = self;
	int32_t status = nat_settings_read(&nat->settings, nat->host);
	if (status < 0)
		return status;
	nat->mode.self = nat;
	nat->mode.info = port_info;
	nat->mode.send = port_send;
	nat->mode.drained = port_drained;
	nat->mode.up.limit = UP_LIMIT;
	nat->down.limit = DOWN_LIMIT;
	nat->timer = vmm_kit_service(nat->host, VMM_SERVICE_TIMER);
	status = vmm_net_mode_init(&nat->mode, nat->host);
	if (nat->timer == NULL || status < 0)
		return -ENOTSUP;
	nat->room = malloc(VMM_NET_ROOM);
	if (nat->room == NULL)
		return vmm_kit_fail(nat->host, -ENOMEM, "close other programs", "out of memory");
	status = nat->timer->create(nat->host->context, VMM_CLOCK_GUEST, nat_turn_timer, nat, 0, &nat->turn_timer);
	if (status == 0)
		status = methods_add(nat);
	if (status < 0)
		return vmm_kit_fail(nat->host, status, "close other programs", "%s", strerror(-status));
	status = nat_slirp_open(nat);
	if (status < 0)
		return vmm_kit_fail(nat->host, status, "choose other addresses", "libslirp %s refuses these settings",
			slirp_version_string());
	return forwards_read(nat);
}

static int32_t nat_start(void *self)
{
	struct nat *nat = self;
	vmm_net_mode_start(&nat->mode);
	nat_turn_start(nat);
	return 0;
}

static void nat_stop(void *self)
{
	struct nat *nat = self;
	nat_turn_stop(nat);
	vmm_net_mode_stop(&nat->mode);
}

/* Connections are not part of a state: the guest finds that they are broken, and the network as it was. */
static int32_t nat_load(void *self, uint32_t version)
{
	struct nat *nat = self;
	(void)version;
	vmm_net_queue_clear(&nat->down);
	vmm_net_queue_clear(&nat->mode.up);
	nat_slirp_close(nat);
	int32_t status = nat_slirp_open(nat);
	if (status < 0)
		return vmm_kit_fail(nat->host, status, "close other programs", "libslirp cannot be started again");
	nat_forward_again(nat);
	return 0;
}

static void nat_destroy(void *self)
{
	struct nat *nat = self;
	if (nat->mode.event != NULL)
		nat_slirp_close(nat);
	if (nat->turn_timer != 0)
		nat->timer->destroy(nat->host->context, nat->turn_timer);
	vmm_net_queue_clear(&nat->down);
	vmm_net_mode_destroy(&nat->mode);
	free(nat->forwards.items);
	free(nat->watches);
	free(nat->room);
	free(nat);
}

static int32_t nat_get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct nat *nat = self;
	if (strcmp(key, "card") != 0)
		return -ENOENT;
	vmm_net_mode_get_port(&nat->mode, side);
	return 0;
}

static const struct vmm_instance_ops ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = nat_init,
	.start = nat_start,
	.stop = nat_stop,
	.load = nat_load,
	.destroy = nat_destroy,
	.get_port = nat_get_port,
};

#define LIST(KEY, HELP) VMM_KIT_PARAM(VMM_PARAM_LIST, KEY, NULL, 0, 0, NULL, HELP)

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_STRING("network", "10.0.2.0/24", "The guest's IPv4 network."),
	VMM_KIT_PARAM_STRING("host", NULL,
		"The host's address in it, which is router and DHCP server too; by default the second one."),
	VMM_KIT_PARAM_STRING("dns", NULL, "The name server's address in it; by default the third one."),
	VMM_KIT_PARAM_STRING("dhcp_start", NULL,
		"The first of the addresses that DHCP gives, up to 16; by default the fifteenth one."),
	VMM_KIT_PARAM_STRING("ipv6", "fd00::/64", "The guest's IPv6 prefix, of 64 bits; no for none."),
	VMM_KIT_PARAM_STRING("hostname", NULL, "The name that DHCP gives the guest."),
	LIST("search", "A domain that names without one are looked for in; may be repeated."),
	LIST("forward",
		"PROTOCOL:[HOST:]PORT:[GUEST:]PORT, tcp or udp: what comes to this address (127.0.0.1 if left out, * "
		"for all) and port of the host goes to the guest; may be repeated."),
	VMM_KIT_PARAM_PATH("tftp", NULL, "A folder whose files the guest may read by TFTP from the host's address."),
	VMM_KIT_PARAM_STRING("bootfile", NULL, "The file that DHCP tells a guest to boot from."),
	VMM_KIT_PARAM_BOOL("restrict", "no", "Cut the guest off from the host and all networks but for its forwards."),
	VMM_KIT_PARAM_BOOL("loopback", "yes", "Whether the host's address leads to the host's own 127.0.0.1."),
	VMM_KIT_PARAM_INT("mtu", "1500", 576, 65520, "The largest packet on the guest's network, in bytes."),
};

static const struct vmm_port_row ports[] = { VMM_NET_MODE_PORT };

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.id = "org.vmm.net-nat",
	.name = "Network behind address translation",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "IPv4 and IPv6 through the host's own connections, with DHCP, DNS, TFTP and forwarded ports",
	.params = params,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(params[0]),
	.ports = ports,
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(ports[0]),
};

VMM_KIT_PLUGIN(net_nat, VMM_KIND_NET, descriptor, ops, struct nat);
