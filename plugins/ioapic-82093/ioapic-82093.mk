if PLUGIN_IOAPIC_82093
plugin_LTLIBRARIES += plugins/ioapic-82093/ioapic-82093.la
plugins_ioapic_82093_ioapic_82093_la_SOURCES = \
	plugins/ioapic-82093/ioapic.c
plugins_ioapic_82093_ioapic_82093_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_ioapic_82093_ioapic_82093_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_ioapic_82093_ioapic_82093_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/ioapic-82093/vmm-ioapic-82093.7
endif
