if PLUGIN_SPEAKER
plugin_LTLIBRARIES += plugins/speaker/speaker.la
plugins_speaker_speaker_la_SOURCES = \
	plugins/speaker/record.c \
	plugins/speaker/record.h \
	plugins/speaker/speaker.c
plugins_speaker_speaker_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_speaker_speaker_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_speaker_speaker_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/speaker/vmm-speaker.7
endif
