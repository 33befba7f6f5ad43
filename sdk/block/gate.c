/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The gate that every write to an image goes through: who holds it knows that none is on its way, and that none begins
 * before it is let go.  It is held for as short as a point in time takes.
 */
#include "kit.h"

void gate_init(struct gate *gate)
{
	pthread_mutex_init(&gate->mutex, NULL);
	pthread_cond_init(&gate->changed, NULL);
}

void gate_destroy(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->mutex);
}

bool gate_try(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	bool open = !gate->held;
	gate->writers += open;
	pthread_mutex_unlock(&gate->mutex);
	return open;
}

void gate_enter(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->held)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	gate->writers++;
	pthread_mutex_unlock(&gate->mutex);
}

void gate_leave(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->writers--;
	if (gate->held && gate->writers == 0)
		pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}

void gate_hold(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->held)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	gate->held = true;
	while (gate->writers > 0)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

void gate_release(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->held = false;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}
