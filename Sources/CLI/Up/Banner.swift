/// What is printed once the stack serves: its address, and three ways to use it that can be pasted into a shell.
struct Banner: Sendable, Equatable {
    var url: String
    var configURL: String
    var models: [String]
    var bearerToken: String?

    init(plan: StackPlan) {
        self.url = plan.url
        self.configURL = plan.configURL
        self.models = plan.models
        self.bearerToken = plan.bearerToken
    }

    var text: String {
        let model = models[0]
        // The token itself is a secret that the user knows.
        let header = bearerToken == nil ? "" : " -H \"Authorization: Bearer $SIE_AUTH_TOKEN\""
        let apiKey = bearerToken == nil ? "" : ", api_key=\"...\""
        return """

            The gateway listens on \(url) and serves \(models.joined(separator: ", ")).

            Encode a sentence:

              curl -s\(header) \(url)/v1/encode/\(model) \\
                -H 'Content-Type: application/json' -H 'Accept: application/json' \\
                -d '{"items": [{"id": "1", "text": "Hello, world"}]}'

            The same through the OpenAI-compatible route:

              curl -s\(header) \(url)/v1/embeddings \\
                -H 'Content-Type: application/json' \\
                -d '{"model": "\(model)", "input": ["Hello, world"]}'

            From Python (pip install sie-sdk):

              from sie_sdk import SIEClient
              client = SIEClient("\(url)"\(apiKey))
              print(client.encode("\(model)", {"text": "Hello, world"})["dense"])

            Models are added over the Config API, \(configURL), while everything runs:

              sie push my-model.yaml --config-url \(configURL) --gateway-url \(url)


            """
    }
}
