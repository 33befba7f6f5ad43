if PLUGIN_RTC_MC146818
plugin_LTLIBRARIES += plugins/rtc-mc146818/rtc-mc146818.la
plugins_rtc_mc146818_rtc_mc146818_la_SOURCES = \
	plugins/rtc-mc146818/calendar.c \
	plugins/rtc-mc146818/clock.c \
	plugins/rtc-mc146818/rtc.c \
	plugins/rtc-mc146818/calendar.h \
	plugins/rtc-mc146818/rtc.h
plugins_rtc_mc146818_rtc_mc146818_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_rtc_mc146818_rtc_mc146818_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_rtc_mc146818_rtc_mc146818_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/rtc-mc146818/vmm-rtc-mc146818.7
endif
