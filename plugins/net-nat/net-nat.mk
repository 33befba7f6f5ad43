if PLUGIN_NET_NAT
plugin_LTLIBRARIES += plugins/net-nat/net-nat.la
plugins_net_nat_net_nat_la_SOURCES = \
	plugins/net-nat/forward.c \
	plugins/net-nat/nat.c \
	plugins/net-nat/settings.c \
	plugins/net-nat/turn.c \
	plugins/net-nat/nat.h
plugins_net_nat_net_nat_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(SLIRP_CFLAGS) $(JANSSON_CFLAGS)
plugins_net_nat_net_nat_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_net_nat_net_nat_la_LIBADD = sdk/kit/libvmm-kit.la $(SLIRP_LIBS) $(JANSSON_LIBS)
dist_man7_MANS += plugins/net-nat/vmm-net-nat.7
endif
