# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# conntrackd, as it is compared with.

# conntrackd_config PREFIX OWN PEER [WORDS]: FTFW over eth2 between these addresses, with WORDS in the
# mode's block.  What it makes begins with PREFIX, and the configuration is PREFIX.conf.
conntrackd_config() {
	cat >"$1.conf" <<-END
		Sync {
		    Mode FTFW {
		        $4
		    }
		    UDP {
		        IPv4_address $2
		        IPv4_Destination_Address $3
		        Port 3780
		        Interface eth2
		        SndSocketBuffer 8388608
		        RcvSocketBuffer 8388608
		        Checksum on
		    }
		}
		General {
		    HashSize 262144
		    HashLimit 4194304
		    LogFile off
		    Syslog off
		    LockFile $1.lock
		    UNIX { Path $1.ctl }
		    NetlinkBufferSize 8388608
		    NetlinkBufferSizeMaxGrowth 134217728
		    Filter From Userspace {
		        Protocol Accept { TCP }
		        Address Ignore { IPv4_address 127.0.0.1 }
		    }
		}
	END
}
