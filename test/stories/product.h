/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stories know of the product: the seam to the kernel that the fakes stand in for, and the daemon's outermost door. */
#ifndef STORIES_PRODUCT_H
#define STORIES_PRODUCT_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"
#include "net/mptcp_mib.h"
#include "net/mptcp_pm.h"
#include "net/rtnetlink.h"
#include "net/sock_diag.h"
#include "net/tcp_probe.h"
#include "net/wireguard.h"
#include "pm/daemon.h"
#include "pm/kernel/answers.h"
#include "pm/kernel/guard.h"
#include "pm/kernel/inventory.h"
#include "pm/kernel/convert.h"
#include "pm/kernel/mptcpify.h"
#include "pm/kernel/pulse.h"
#include "pm/kernel/takeover.h"
#include "pm/kernel/track.h"
#include "proto/relay_session.h"

#endif
