package conformance.cluster;

import java.util.Locale;
import java.util.Random;

/**
 * A kind of fault of a kind of server. Kinds have the simulator's names; faults last as long as in the scenario
 * {@code failover}.
 */
record Fault(Kind kind, Role role) {
    /** With the range of how long it lasts, ms. */
    enum Kind {
        /** SIGKILL. */
        KILL(10_000, 16_000),
        /** SIGTERM. */
        TERMINATE(2_000, 8_000),
        /** SIGSTOP and SIGCONT. */
        PAUSE(12_000, 18_000);

        private final int leastMs;
        private final int mostMs;

        Kind(int leastMs, int mostMs) {
            this.leastMs = leastMs;
            this.mostMs = mostMs;
        }

        long lastsMs(Random random) {
            return leastMs + random.nextInt(mostMs - leastMs + 1);
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    enum Role {
        /** The active controller. */
        CONTROLLER,
        /** A broker that leads partitions. */
        BROKER,
        /** A controller that is not active. */
        INACTIVE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Such as controller-kill. */
    static Fault parse(String name) {
        for (Kind kind : Kind.values()) {
            for (Role role : Role.values()) {
                if (new Fault(kind, role).toString().equals(name)) {
                    return new Fault(kind, role);
                }
            }
        }
        throw new BadInput("unknown fault " + name + "; there are kill, terminate and pause of controller, broker and "
            + "inactive, such as controller-kill");
    }

    @Override
    public String toString() {
        return role + "-" + kind;
    }
}
