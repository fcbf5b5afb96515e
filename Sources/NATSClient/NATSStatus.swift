/// Where a connection stands.
public enum NATSStatus: UInt8, Sendable, CaseIterable {
    /// Not started.
    case idle
    /// Started, and never connected yet.
    case connecting
    /// Connected and able to send.
    case connected
    /// Lost, and connecting again.
    case reconnecting
    /// Finishing what was begun; takes nothing new.
    case draining
    /// Ended for good.
    case closed
}
