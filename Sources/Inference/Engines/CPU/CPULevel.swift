import CKernels

/// Instruction sets the CPU engine has kernels for.
public enum CPULevel: String, Sendable, CaseIterable {
    case portable, avx2, avx512, neon

    var code: sie_cpu_level {
        switch self {
        case .portable: SIE_CPU_PORTABLE
        case .avx2: SIE_CPU_AVX2
        case .avx512: SIE_CPU_AVX512
        case .neon: SIE_CPU_NEON
        }
    }

    /// Whether this processor and operating system run the level.
    public var isSupported: Bool { sie_cpu_supports(code) }

    /// The fastest level that runs here.
    public static var best: CPULevel {
        allCases.first { $0.code == sie_cpu_best() } ?? .portable
    }
}
