//! Outlines: who speaks, which texts there are and which answers belong to which calls, in each dialect.

use weir_dialect::{Dialect, Kind, Outline, Role, apply_edits, read_request};

/// One line for each entry: role, texts by kind, calls, answers.
fn outline(dialect: Dialect, body: &str) -> Vec<String> {
    let facts = read_request(dialect, body.as_bytes()).unwrap();
    let outline = Outline::of(dialect, body, &facts).unwrap();
    let texts = |texts: &[weir_dialect::Text]| {
        let text = |text: &weir_dialect::Text| format!(" {:?}={}", text.kind, &body[text.at.clone()]);
        texts.iter().map(text).collect::<Vec<_>>().concat()
    };
    let instructions =
        (!outline.instructions.is_empty()).then(|| format!("apart{}", texts(&outline.instructions)));
    let entries = outline.entries.iter().map(|entry| {
        let ids = |what: &str, ids: &[&str]| {
            ids.iter().map(|id| format!(" {what}{id}")).collect::<Vec<_>>().concat()
        };
        format!(
            "{:?}{}{}{}",
            entry.role,
            texts(&entry.texts),
            ids(">", &entry.calls),
            ids("<", &entry.answers)
        )
    });
    instructions.into_iter().chain(entries).collect()
}

#[test]
fn messages_of_chat_completions_say_who_speaks_and_what_belongs_together() {
    let body = r#"{"messages":[
        {"role":"developer","content":"be brief"},
        {"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"u"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2"}]},
        {"role":"tool","tool_call_id":"c1","content":"found"},
        {"role":"assistant","content":"so","function_call":{"name":"g","arguments":""}},
        {"role":"function","name":"g","content":"old way"},
        {"role":"referee","content":"x"}]}"#;
    assert_eq!(
        outline(Dialect::OpenAiChat, body),
        [
            r#"System System="be brief""#,
            r#"User User="look""#,
            r#"Model >"c1" >"c2""#,
            r#"Tool Document="found" <"c1""#,
            r#"Model Model="so" >"g""#,
            r#"Tool Document="old way" <"g""#,
            "Unknown",
        ]
    );
}

#[test]
fn items_of_responses_say_who_speaks_and_what_belongs_together() {
    let body = r#"{"instructions":"rules","input":[
        {"role":"user","content":"hi"},
        {"type":"reasoning","id":"rs","encrypted_content":"x"},
        {"type":"function_call","id":"fc","call_id":"c1","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c1","output":"found"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"so"}]},
        {"type":"mcp_approval_request","id":"a1"},{"type":"mcp_approval_response","approval_request_id":"a1"},
        {"type":"item_reference","id":"m"}]}"#;
    assert_eq!(
        outline(Dialect::OpenAiResponses, body),
        [
            r#"apart System="rules""#,
            r#"User User="hi""#,
            r#"Model >"rs""#,
            r#"Model >"c1""#,
            r#"Tool Document="found" <"c1""#,
            r#"Model Model="so""#,
            r#"Model >"a1""#,
            r#"Tool <"a1""#,
            "Unknown",
        ]
    );
    assert_eq!(outline(Dialect::OpenAiResponses, r#"{"input":"hi"}"#), [r#"User User="hi""#]);
}

#[test]
fn messages_of_anthropic_say_who_speaks_and_what_belongs_together() {
    let body = r#"{"system":[{"type":"text","text":"rules"}],"messages":[
        {"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"file"}},{"type":"text","text":"hi"}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"t1","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"found"}]},{"type":"text","text":"next"}]},
        {"role":"assistant","content":"{"}]}"#;
    assert_eq!(
        outline(Dialect::AnthropicMessages, body),
        [
            r#"apart System="rules""#,
            r#"User Document="file" User="hi""#,
            r#"Model >"t1""#,
            r#"Tool Document="found" User="next" <"t1""#,
            r#"Model Model="{""#,
        ]
    );
}

#[test]
fn prompts_of_completions_are_texts_and_token_ids_are_not() {
    assert_eq!(
        outline(Dialect::OpenAiCompletions, r#"{"prompt":["a","b"]}"#),
        [r#"User User="a""#, r#"User User="b""#]
    );
    assert_eq!(outline(Dialect::OpenAiCompletions, r#"{"prompt":[1,2]}"#), ["Unknown", "Unknown"]);
}

#[test]
fn what_has_no_conversation_has_no_outline() {
    for (dialect, body) in
        [(Dialect::OpenAiEmbeddings, r#"{"input":"x"}"#), (Dialect::OpenAiChat, r#"{"messages":null}"#)]
    {
        let facts = read_request(dialect, body.as_bytes()).unwrap();
        assert_eq!(Outline::of(dialect, body, &facts), None);
        assert_eq!(facts.instructions.map(|_| Kind::System), None);
    }
}

#[test]
fn a_list_that_refers_to_what_the_provider_keeps_may_not_lose_entries() {
    let may_lose = |dialect, body: &str| {
        let facts = read_request(dialect, body.as_bytes()).unwrap();
        Outline::of(dialect, body, &facts).unwrap().may_lose_entries
    };
    assert!(may_lose(Dialect::OpenAiResponses, r#"{"input":[{"role":"user","content":"x"}]}"#));
    assert!(!may_lose(Dialect::OpenAiResponses, r#"{"input":[{"type":"item_reference","id":"x"}]}"#));
    assert!(!may_lose(Dialect::OpenAiCompletions, r#"{"prompt":["x"]}"#));
    assert!(!may_lose(Dialect::OpenAiChat, r#"{"messages":[7]}"#));
}

#[test]
fn whichever_entries_go_the_list_stays_valid() {
    let body = r#"{ "messages" : [ {"role":"user","content":"0"} , {"role":"user","content":"1"},{"role":"user","content":"2"} ,
        {"role":"user","content":"3"} ] , "x":1}"#;
    let facts = read_request(Dialect::OpenAiChat, body.as_bytes()).unwrap();
    let outline = Outline::of(Dialect::OpenAiChat, body, &facts).unwrap();
    for kept in 1..16_u32 {
        let is_kept = |number: usize| kept & (1 << number) != 0;
        let after = apply_edits(body, outline.removal(is_kept));
        let value: serde_json::Value = serde_json::from_str(&after).unwrap();
        let contents: Vec<&str> = value["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["content"].as_str().unwrap())
            .collect();
        let expected: Vec<String> =
            (0..4).filter(|number| is_kept(*number)).map(|number| number.to_string()).collect();
        assert_eq!(contents, expected, "{kept:b}");
        assert!(outline.entries.iter().all(|entry| entry.role == Role::User));
    }
}
