import Testing
import Wire
import Worker

@Suite("How a text is to be encoded")
struct EncodeParametersTests {
    func parameters(
        _ options: RuntimeOptions, instruction: String? = nil, isQuery: Bool = false
    ) throws -> EncodeParameters {
        try EncodeParameters(options: options, outputTypes: nil, instruction: instruction, isQuery: isQuery)
    }

    @Test("without options: dense float32, the text as it is")
    func defaults() throws {
        let parameters = try parameters([:])
        #expect(parameters.outputTypes == ["dense"])
        #expect(parameters.outputDType == .float32)
        #expect(parameters.prompt(for: "x") == "x")
    }

    @Test("queries and documents have templates of their own; both may name the instruction")
    func templates() throws {
        let options: RuntimeOptions = [
            "query_template": .string("{instruction}|query: {text}"), "doc_template": .string("{{{text}}}"),
        ]
        #expect(
            try parameters(options, instruction: "find", isQuery: true).prompt(for: "a{text}b")
                == "find|query: a{text}b")
        #expect(try parameters(options, isQuery: true).prompt(for: "x") == "|query: x")
        #expect(try parameters(options).prompt(for: "x") == "{x}")
    }

    @Test("without a template the instruction stands in front of the text; the item's wins over the options'")
    func instruction() throws {
        #expect(try parameters([:], instruction: "find").prompt(for: "x") == "find x")
        #expect(try parameters(["instruction": .string("a")]).prompt(for: "x") == "a x")
        #expect(try parameters(["instruction": .string("a")], instruction: "b").prompt(for: "x") == "b x")
    }

    @Test("the request's options lie over the profile's; the profile's name is no option")
    func overlay() {
        let profile: RuntimeOptions = ["pooling": .string("mean"), "normalize": .bool(true)]
        let request: RuntimeOptions = ["pooling": .string("cls"), "profile": .string("p")]
        #expect(profile.overlaid(by: request) == ["pooling": .string("cls"), "normalize": .bool(true)])
    }

    @Test(
        "options of the wrong type or value are refused by name",
        arguments: [
            ("output_dtype", OptionValue.string("float128")), ("output_dtype", .number(1)), ("pooling", .string("max")),
            ("normalize", .string("yes")), ("output_types", .string("dense")), ("is_query", .number(1)),
            ("doc_template", .string("{other}")), ("doc_template", .string("{text")), ("doc_template", .string("}")),
        ])
    func invalid(_ name: String, _ value: OptionValue) {
        #expect {
            try parameters([name: value])
        } throws: { error in
            guard let error = error as? EncodeError, case .invalidOption(name, _) = error else { return false }
            return true
        }
    }
}
