/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abi.c - no code: compile-time checks that net/netmap.h equals netmap's API 14 (64-bit Linux) to the byte.
 *
 * A build fails here, naming the structure and member, when a size, an offset or a value is not the kernel module's.
 */
#include <stddef.h>

#include <net/netmap.h>

#define SIZE(type, size, align)                                                                                        \
    _Static_assert(sizeof(struct type) == (size), "size of struct " #type);                                            \
    _Static_assert(_Alignof(struct type) == (align), "alignment of struct " #type)
#define AT(type, member, offset)                                                                                       \
    _Static_assert(offsetof(struct type, member) == (offset), "offset of " #type "." #member)
#define VALUE(name, value) _Static_assert((name) == (value), "value of " #name)

/* Structures: size, alignment, and every member at its offset. */

SIZE(nmreq_register, 56, 8);
AT(nmreq_register, nr_offset, 0);
AT(nmreq_register, nr_memsize, 8);
AT(nmreq_register, nr_tx_slots, 16);
AT(nmreq_register, nr_rx_slots, 20);
AT(nmreq_register, nr_tx_rings, 24);
AT(nmreq_register, nr_rx_rings, 26);
AT(nmreq_register, nr_host_tx_rings, 28);
AT(nmreq_register, nr_host_rx_rings, 30);
AT(nmreq_register, nr_mem_id, 32);
AT(nmreq_register, nr_ringid, 34);
AT(nmreq_register, nr_mode, 36);
AT(nmreq_register, nr_extra_bufs, 40);
AT(nmreq_register, nr_flags, 48);

SIZE(nmreq_option, 24, 8);
AT(nmreq_option, nro_next, 0);
AT(nmreq_option, nro_reqtype, 8);
AT(nmreq_option, nro_status, 12);
AT(nmreq_option, nro_size, 16);

SIZE(netmap_if, 56, 8);
AT(netmap_if, ni_name, 0);
AT(netmap_if, ni_version, 16);
AT(netmap_if, ni_flags, 20);
AT(netmap_if, ni_tx_rings, 24);
AT(netmap_if, ni_rx_rings, 28);
AT(netmap_if, ni_bufs_head, 32);
AT(netmap_if, ni_host_tx_rings, 36);
AT(netmap_if, ni_host_rx_rings, 40);
AT(netmap_if, ni_spare1, 44);
AT(netmap_if, ring_ofs, 56);

SIZE(netmap_slot, 16, 8);
AT(netmap_slot, buf_idx, 0);
AT(netmap_slot, len, 4);
AT(netmap_slot, flags, 6);
AT(netmap_slot, ptr, 8);

SIZE(netmap_ring, 256, 128);
AT(netmap_ring, buf_ofs, 0);
AT(netmap_ring, num_slots, 8);
AT(netmap_ring, nr_buf_size, 12);
AT(netmap_ring, ringid, 16);
AT(netmap_ring, dir, 18);
AT(netmap_ring, head, 20);
AT(netmap_ring, cur, 24);
AT(netmap_ring, tail, 28);
AT(netmap_ring, flags, 32);
AT(netmap_ring, ts, 40);
AT(netmap_ring, offset_mask, 56);
AT(netmap_ring, buf_align, 64);
AT(netmap_ring, sem, 128);
AT(netmap_ring, slot, 256);

SIZE(nm_csb_atok, 64, 4);
AT(nm_csb_atok, head, 0);
AT(nm_csb_atok, cur, 4);
AT(nm_csb_atok, appl_need_kick, 8);
AT(nm_csb_atok, sync_flags, 12);
AT(nm_csb_atok, pad, 16);

SIZE(nm_csb_ktoa, 64, 4);
AT(nm_csb_ktoa, hwcur, 0);
AT(nm_csb_ktoa, hwtail, 4);
AT(nm_csb_ktoa, kern_need_kick, 8);
AT(nm_csb_ktoa, pad, 12);

SIZE(nm_ifreq, 272, 1);
AT(nm_ifreq, nifr_name, 0);
AT(nm_ifreq, data, 16);

SIZE(nmreq, 60, 4);
AT(nmreq, nr_name, 0);
AT(nmreq, nr_version, 16);
AT(nmreq, nr_offset, 20);
AT(nmreq, nr_memsize, 24);
AT(nmreq, nr_tx_slots, 28);
AT(nmreq, nr_rx_slots, 32);
AT(nmreq, nr_tx_rings, 36);
AT(nmreq, nr_rx_rings, 38);
AT(nmreq, nr_ringid, 40);
AT(nmreq, nr_cmd, 42);
AT(nmreq, nr_arg1, 44);
AT(nmreq, nr_arg2, 46);
AT(nmreq, nr_arg3, 48);
AT(nmreq, nr_flags, 52);
AT(nmreq, spare2, 56);

SIZE(nmreq_header, 88, 8);
AT(nmreq_header, nr_version, 0);
AT(nmreq_header, nr_reqtype, 2);
AT(nmreq_header, nr_reserved, 4);
AT(nmreq_header, nr_name, 8);
AT(nmreq_header, nr_options, 72);
AT(nmreq_header, nr_body, 80);

SIZE(nmreq_opt_csb, 40, 8);
AT(nmreq_opt_csb, nro_opt, 0);
AT(nmreq_opt_csb, csb_atok, 24);
AT(nmreq_opt_csb, csb_ktoa, 32);

SIZE(nmreq_pools_info, 64, 8);
AT(nmreq_pools_info, nr_memsize, 0);
AT(nmreq_pools_info, nr_mem_id, 8);
AT(nmreq_pools_info, pad1, 10);
AT(nmreq_pools_info, nr_if_pool_offset, 16);
AT(nmreq_pools_info, nr_if_pool_objtotal, 24);
AT(nmreq_pools_info, nr_if_pool_objsize, 28);
AT(nmreq_pools_info, nr_ring_pool_offset, 32);
AT(nmreq_pools_info, nr_ring_pool_objtotal, 40);
AT(nmreq_pools_info, nr_ring_pool_objsize, 44);
AT(nmreq_pools_info, nr_buf_pool_offset, 48);
AT(nmreq_pools_info, nr_buf_pool_objtotal, 56);
AT(nmreq_pools_info, nr_buf_pool_objsize, 60);

SIZE(nmreq_opt_extmem, 96, 8);
AT(nmreq_opt_extmem, nro_opt, 0);
AT(nmreq_opt_extmem, nro_usrptr, 24);
AT(nmreq_opt_extmem, nro_info, 32);

SIZE(nmreq_opt_offsets, 56, 8);
AT(nmreq_opt_offsets, nro_opt, 0);
AT(nmreq_opt_offsets, nro_max_offset, 24);
AT(nmreq_opt_offsets, nro_initial_offset, 32);
AT(nmreq_opt_offsets, nro_offset_bits, 40);
AT(nmreq_opt_offsets, nro_tx_align, 44);
AT(nmreq_opt_offsets, nro_min_gap, 48);

SIZE(nmreq_opt_sync_kloop_eventfds, 24, 8);
AT(nmreq_opt_sync_kloop_eventfds, nro_opt, 0);
AT(nmreq_opt_sync_kloop_eventfds, eventfds, 24);

SIZE(nmreq_opt_sync_kloop_mode, 32, 8);
AT(nmreq_opt_sync_kloop_mode, nro_opt, 0);
AT(nmreq_opt_sync_kloop_mode, mode, 24);

SIZE(nmreq_port_hdr, 8, 4);
AT(nmreq_port_hdr, nr_hdr_len, 0);
AT(nmreq_port_hdr, pad1, 4);

SIZE(nmreq_port_info_get, 32, 8);
AT(nmreq_port_info_get, nr_memsize, 0);
AT(nmreq_port_info_get, nr_tx_slots, 8);
AT(nmreq_port_info_get, nr_rx_slots, 12);
AT(nmreq_port_info_get, nr_tx_rings, 16);
AT(nmreq_port_info_get, nr_rx_rings, 18);
AT(nmreq_port_info_get, nr_host_tx_rings, 20);
AT(nmreq_port_info_get, nr_host_rx_rings, 22);
AT(nmreq_port_info_get, nr_mem_id, 24);
AT(nmreq_port_info_get, pad, 26);

SIZE(nmreq_sync_kloop_start, 8, 4);
AT(nmreq_sync_kloop_start, sleep_us, 0);
AT(nmreq_sync_kloop_start, pad1, 4);

SIZE(nmreq_vale_attach, 64, 8);
AT(nmreq_vale_attach, reg, 0);
AT(nmreq_vale_attach, port_index, 56);
AT(nmreq_vale_attach, pad1, 60);

SIZE(nmreq_vale_detach, 8, 4);
AT(nmreq_vale_detach, port_index, 0);
AT(nmreq_vale_detach, pad1, 4);

SIZE(nmreq_vale_list, 8, 4);
AT(nmreq_vale_list, nr_bridge_idx, 0);
AT(nmreq_vale_list, pad1, 2);
AT(nmreq_vale_list, nr_port_idx, 4);

SIZE(nmreq_vale_newif, 16, 4);
AT(nmreq_vale_newif, nr_tx_slots, 0);
AT(nmreq_vale_newif, nr_rx_slots, 4);
AT(nmreq_vale_newif, nr_tx_rings, 8);
AT(nmreq_vale_newif, nr_rx_rings, 10);
AT(nmreq_vale_newif, nr_mem_id, 12);
AT(nmreq_vale_newif, pad1, 14);

SIZE(nmreq_vale_polling, 16, 4);
AT(nmreq_vale_polling, nr_mode, 0);
AT(nmreq_vale_polling, nr_first_cpu_id, 4);
AT(nmreq_vale_polling, nr_num_polling_cpus, 8);
AT(nmreq_vale_polling, pad1, 12);

/* Values: versions, flags, requests, options, modes, ioctl numbers. */

VALUE(NETMAP_API, 0xe);
VALUE(NETMAP_MIN_API, 0xe);
VALUE(NETMAP_MAX_API, 0xf);
VALUE(NM_CACHE_ALIGN, 0x80);
VALUE(NS_BUF_CHANGED, 0x1);
VALUE(NS_REPORT, 0x2);
VALUE(NS_FORWARD, 0x4);
VALUE(NS_NO_LEARN, 0x8);
VALUE(NS_INDIRECT, 0x10);
VALUE(NS_MOREFRAG, 0x20);
VALUE(NS_TXMON, 0x40);
VALUE(NS_PORT_SHIFT, 0x8);
VALUE(NS_PORT_MASK, 0xff00);
VALUE(NETMAP_MAX_FRAGS, 0x40);
VALUE(NR_TIMESTAMP, 0x2);
VALUE(NR_FORWARD, 0x4);
VALUE(NI_PRIV_MEM, 0x1);
VALUE(NETMAP_REQ_MAXSIZE, 0x1000);
VALUE(NETMAP_REQ_IFNAMSIZ, 0x40);
VALUE(NR_MONITOR_TX, 0x100);
VALUE(NR_MONITOR_RX, 0x200);
VALUE(NR_ZCOPY_MON, 0x400);
VALUE(NR_EXCLUSIVE, 0x800);
VALUE(NR_RX_RINGS_ONLY, 0x2000);
VALUE(NR_TX_RINGS_ONLY, 0x4000);
VALUE(NR_ACCEPT_VNET_HDR, 0x8000);
VALUE(NR_DO_RX_POLL, 0x10000);
VALUE(NR_NO_TX_POLL, 0x20000);
VALUE(NIOCCTRL, 0xc0586997);
VALUE(NIOCTXSYNC, 0x6994);
VALUE(NIOCRXSYNC, 0x6995);
VALUE(NETMAP_POLLING_MODE_SINGLE_CPU, 0x1);
VALUE(NETMAP_POLLING_MODE_MULTI_CPU, 0x2);
VALUE(NM_OPT_SYNC_KLOOP_DIRECT_TX, 0x1);
VALUE(NM_OPT_SYNC_KLOOP_DIRECT_RX, 0x2);
VALUE(NETMAP_REQ_REGISTER, 0x1);
VALUE(NETMAP_REQ_PORT_INFO_GET, 0x2);
VALUE(NETMAP_REQ_VALE_ATTACH, 0x3);
VALUE(NETMAP_REQ_VALE_DETACH, 0x4);
VALUE(NETMAP_REQ_VALE_LIST, 0x5);
VALUE(NETMAP_REQ_PORT_HDR_SET, 0x6);
VALUE(NETMAP_REQ_PORT_HDR_GET, 0x7);
VALUE(NETMAP_REQ_VALE_NEWIF, 0x8);
VALUE(NETMAP_REQ_VALE_DELIF, 0x9);
VALUE(NETMAP_REQ_VALE_POLLING_ENABLE, 0xa);
VALUE(NETMAP_REQ_VALE_POLLING_DISABLE, 0xb);
VALUE(NETMAP_REQ_POOLS_INFO_GET, 0xc);
VALUE(NETMAP_REQ_SYNC_KLOOP_START, 0xd);
VALUE(NETMAP_REQ_SYNC_KLOOP_STOP, 0xe);
VALUE(NETMAP_REQ_CSB_ENABLE, 0xf);
VALUE(NETMAP_REQ_OPT_EXTMEM, 0x1);
VALUE(NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS, 0x2);
VALUE(NETMAP_REQ_OPT_CSB, 0x3);
VALUE(NETMAP_REQ_OPT_SYNC_KLOOP_MODE, 0x4);
VALUE(NETMAP_REQ_OPT_OFFSETS, 0x5);
VALUE(NETMAP_REQ_OPT_MAX, 0x6);
VALUE(NR_REG_DEFAULT, 0x0);
VALUE(NR_REG_ALL_NIC, 0x1);
VALUE(NR_REG_SW, 0x2);
VALUE(NR_REG_NIC_SW, 0x3);
VALUE(NR_REG_ONE_NIC, 0x4);
VALUE(NR_REG_PIPE_MASTER, 0x5);
VALUE(NR_REG_PIPE_SLAVE, 0x6);
VALUE(NR_REG_NULL, 0x7);
VALUE(NR_REG_ONE_SW, 0x8);
VALUE(NETMAP_HW_RING, 0x4000);
VALUE(NETMAP_SW_RING, 0x2000);
VALUE(NETMAP_RING_MASK, 0xfff);
VALUE(NETMAP_NO_TX_POLL, 0x1000);
VALUE(NETMAP_DO_RX_POLL, 0x8000);
VALUE(NETMAP_BDG_ATTACH, 0x1);
VALUE(NETMAP_BDG_DETACH, 0x2);
VALUE(NETMAP_BDG_REGOPS, 0x3);
VALUE(NETMAP_BDG_LIST, 0x4);
VALUE(NETMAP_BDG_VNET_HDR, 0x5);
VALUE(NETMAP_BDG_NEWIF, 0x6);
VALUE(NETMAP_BDG_DELIF, 0x7);
VALUE(NETMAP_PT_HOST_CREATE, 0x8);
VALUE(NETMAP_PT_HOST_DELETE, 0x9);
VALUE(NETMAP_BDG_POLLING_ON, 0xa);
VALUE(NETMAP_BDG_POLLING_OFF, 0xb);
VALUE(NETMAP_VNET_HDR_GET, 0xc);
VALUE(NETMAP_BDG_HOST, 0x1);
VALUE(NR_REG_MASK, 0xf);
VALUE(NM_IFRDATA_LEN, 0x100);
VALUE(NIOCGINFO, 0xc03c6991);
VALUE(NIOCREGIF, 0xc03c6992);
VALUE(NIOCCONFIG, 0xc1106996);
