import Gateway
import Testing

@Suite("Machine profile and pool headers")
struct LaneSelectionTests {
    @Test(
        "pool/profile in the profile header beats the pool header",
        arguments: [
            (nil, nil, LaneSelection()),
            ("l4", nil, LaneSelection(machineProfile: "l4")),
            ("l4", "bench", LaneSelection(machineProfile: "l4", pool: "bench")),
            ("bench/l4", "other", LaneSelection(machineProfile: "l4", pool: "bench")),
            ("/l4", "other", LaneSelection(machineProfile: "l4")),
            ("bench/", nil, LaneSelection(pool: "bench")),
            ("a/b/c", nil, LaneSelection(machineProfile: "b/c", pool: "a")),
            (nil, "", LaneSelection()),
        ] as [(String?, String?, LaneSelection)])
    func splits(profile: String?, pool: String?, expected: LaneSelection) {
        #expect(LaneSelection(machineProfileHeader: profile, poolHeader: pool) == expected)
    }

    @Test(
        "a profile resolves to its configured spelling, or to its spot variant",
        arguments: [
            ("l4", ["l4"], "l4"),
            ("L4", ["l4"], "l4"),
            ("l4", ["L4-SPOT"], "L4-SPOT"),
            ("l4", ["l4-spot", "l4"], "l4"),
            ("h100", ["l4"], nil),
            ("", ["l4"], ""),
            ("anything", [], "anything"),
        ] as [(String, [String], String?)])
    func resolves(profile: String, configured: [String], expected: String?) {
        #expect(LaneSelection.resolve(profile: profile, configured: configured) == expected)
    }

    @Test(
        "only clients after the 0.3 line wait on 503",
        arguments: [
            ("0.3.1", false), ("0.2", false), ("0.4.0", true), ("0.10.1", true), ("1.0.0", true), ("unknown", nil),
            ("", nil),
            ("7", nil), ("0.-1", nil),
        ] as [(String, Bool?)])
    func sdkVersions(header: String, waits: Bool?) {
        #expect(SDKVersion(header: header)?.waitsOnServiceUnavailable == waits)
    }
}
